/** Hides what RTMP's players ask and are told (Adobe RTMP 1.0, section 7.2.2). */
import type { AmfValue } from './amf0.ts'
import * as message from './message.ts'

export type PlayEvent =
  /** Asks for `startPlaying` or `reject`. `query`: what stood behind the name's question mark. */
  | { readonly type: 'play'; readonly app: string; readonly name: string; readonly query: string }
  /** The player wants these kinds of media, or none of them until it says so. */
  | {
      readonly type: 'receive'
      readonly kinds: readonly ('audio' | 'video')[]
      readonly isWanted: boolean
    }
  /** The player is done with what it was playing, and may ask for something else. */
  | { readonly type: 'stop' }

/** What is sent for a command, and what it means to the one who plays. */
export interface PlayAnswer {
  readonly messages: readonly message.RtmpMessage[]
  readonly event?: PlayEvent
}

/** Section 7.2.2: onStatus on the peer's stream. */
export function onStatus(
  streamId: number,
  level: 'status' | 'warning' | 'error',
  code: string,
  description: string,
): message.RtmpMessage {
  return message.commandMessage(streamId, 'onStatus', 0, null, { level, code, description })
}

/** What comes before the media, in the order of the figure in 7.2.2.1. `isReset`: the player asked for it. */
export function playStart(streamId: number, isReset: boolean): message.RtmpMessage[] {
  return [
    message.userControl(message.STREAM_BEGIN, streamId),
    ...(isReset ? [onStatus(streamId, 'status', 'NetStream.Play.Reset', 'Starting anew.')] : []),
    onStatus(streamId, 'status', 'NetStream.Play.Start', 'Playing.'),
    message.dataMessage(streamId, '|RtmpSampleAccess', true, true),
  ]
}

/** The stream has ended: in the words that each generation of players looks for. */
export function playEnd(streamId: number): message.RtmpMessage[] {
  return [
    message.userControl(message.STREAM_EOF, streamId),
    onStatus(streamId, 'status', 'NetStream.Play.UnpublishNotify', 'The stream has ended.'),
    onStatus(streamId, 'status', 'NetStream.Play.Stop', 'Stopped.'),
  ]
}

/** Answers a command that only players send; undefined where it is none. `id`: its transaction. */
export function answerPlayer(
  [name, , , argument]: readonly AmfValue[],
  id: number,
  streamId: number,
): PlayAnswer | undefined {
  const status = (code: string, description: string) => onStatus(streamId, 'status', code, description)
  switch (name) {
    // A live stream has no length.
    case 'getStreamLength':
      return { messages: [message.commandMessage(0, '_result', id, null, 0)] }
    case 'FCSubscribe': {
      const information = { level: 'status', code: 'NetStream.Play.Start', description: 'Subscribed.' }
      return { messages: [message.commandMessage(0, 'onFCSubscribe', 0, null, information)] }
    }
    // 7.2.2.4, 7.2.2.5: an answer only where it is wanted again.
    case 'receiveAudio':
    case 'receiveVideo': {
      const isWanted = argument === true
      const messages = isWanted
        ? [status('NetStream.Seek.Notify', 'At the live edge.'), status('NetStream.Play.Start', 'Playing.')]
        : []
      const kinds = name === 'receiveAudio' ? (['audio'] as const) : (['video'] as const)
      return { messages, event: { type: 'receive', kinds, isWanted } }
    }
    // 7.2.2.8: a live stream goes on meanwhile, and is joined again where it is then.
    case 'pause':
    case 'pauseRaw': {
      const isWanted = argument !== true
      const notify = isWanted
        ? status('NetStream.Unpause.Notify', 'Playing.')
        : status('NetStream.Pause.Notify', 'Paused.')
      return { messages: [notify], event: { type: 'receive', kinds: ['audio', 'video'], isWanted } }
    }
    // 7.2.2.7: there is only live.
    case 'seek':
      return {
        messages: [onStatus(streamId, 'error', 'NetStream.Seek.Failed', 'A live stream cannot be sought.')],
      }
    default:
      return undefined
  }
}
