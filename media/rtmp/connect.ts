/** Hides how an RTMP peer introduces itself (Adobe RTMP 1.0, section 7.2.1.1), and what it is told of Enhanced RTMP. */
import { ProtocolError } from '../protocol-error.ts'
import { type AmfObject, type AmfValue, isAmfObject } from './amf0.ts'
import { commandMessage, type RtmpMessage } from './message.ts'

/** Enhanced RTMP v2: what may be sent to us ("can forward" = 4), and that multitrack (capsEx 2) and ModEx (4) are understood. */
const ENHANCED: AmfObject = {
  fourCcList: ['avc1', 'hvc1', 'av01', 'mp4a', 'Opus'],
  videoFourCcInfoMap: { avc1: 4, hvc1: 4, av01: 4 },
  audioFourCcInfoMap: { mp4a: 4, Opus: 4 },
  capsEx: 2 | 4,
}

/** What the command object says. Throws `ProtocolError` where it names no app. */
export function readConnect(command: AmfValue): {
  app: string
  /** What the peer calls itself. */
  encoder: string | undefined
  /** It speaks Enhanced RTMP. */
  isEnhanced: boolean
} {
  if (!isAmfObject(command) || typeof command['app'] !== 'string')
    throw new ProtocolError('connect without app')
  return {
    app: command['app'].split('?')[0]!.replace(/\/+$/, ''),
    encoder: typeof command['flashVer'] === 'string' ? command['flashVer'].slice(0, 200) : undefined,
    isEnhanced: ['fourCcList', 'videoFourCcInfoMap', 'audioFourCcInfoMap', 'capsEx'].some(
      key => key in command,
    ),
  }
}

export function connectResult(id: number, isEnhanced: boolean): RtmpMessage {
  const properties = { fmsVer: 'FMS/3,5,7,7009', capabilities: 31 }
  const information: AmfObject = {
    level: 'status',
    code: 'NetConnection.Connect.Success',
    description: 'Connected.',
    objectEncoding: 0,
    ...(isEnhanced && ENHANCED),
  }
  return commandMessage(0, '_result', id, properties, information)
}
