import { describe, expect, test } from 'bun:test'
import { ProtocolError } from '../../../media/protocol-error.ts'
import type { AmfObject, AmfValue } from '../../../media/rtmp/amf0.ts'
import { commandMessage, controlMessage, userControl } from '../../../media/rtmp/message.ts'
import { RtmpSession } from '../../../media/rtmp/session.ts'
import { recordingOf } from './recording.ts'
import { HELLO, media, Peer } from './session-peer.ts'

describe('the handshake', () => {
  test('answers S0, S1 with version 0, and S2 that echoes C1', () => {
    const session = new RtmpSession()
    const c1 = crypto.getRandomValues(new Uint8Array(1536))
    const replies: Uint8Array[] = []
    for (const byte of [3, ...c1])
      for (const event of session.receive(Uint8Array.of(byte)))
        if (event.type === 'reply') replies.push(event.bytes)
    expect(replies).toHaveLength(1)
    const [hello] = replies
    expect(hello!.byteLength).toBe(HELLO)
    expect(hello![0]).toBe(3)
    expect([...hello!.subarray(1, 9)]).toEqual(new Array(8).fill(0))
    expect(Buffer.from(hello!.subarray(1 + 1536)).equals(c1)).toBeTrue()
    session.receive(new Uint8Array(1535))
    expect(session.state).toBe('handshake')
    session.receive(new Uint8Array(1))
    expect(session.state).toBe('connecting')
  })

  test('refuses another version', () => {
    expect(() => new RtmpSession().receive(Uint8Array.of(6))).toThrow(ProtocolError)
    expect(() => new RtmpSession().receive(Buffer.from('GET / HTTP/1.1'))).toThrow(ProtocolError)
  })
})

describe('connect', () => {
  test('sets window, bandwidth and chunk size before its result', () => {
    const { heard, commands } = new Peer().connect()
    expect(heard.map(each => each.typeId)).toEqual([5, 6, 20])
    expect(commands[0]).toMatchObject(['_result', 1, {}, { code: 'NetConnection.Connect.Success' }])
    expect(commands[0]![3]).not.toHaveProperty('fourCcList')
  })

  test('tells a publisher of Enhanced RTMP which codecs are carried', () => {
    const { commands } = new Peer().connect({ fourCcList: ['*'], capsEx: 15 })
    expect(commands[0]![3]).toMatchObject({
      fourCcList: ['avc1', 'hvc1', 'av01', 'mp4a', 'Opus'],
      videoFourCcInfoMap: { avc1: 4, hvc1: 4, av01: 4 },
      audioFourCcInfoMap: { mp4a: 4, Opus: 4 },
      capsEx: 6,
    })
  })

  test.each([
    ['without a command object', ['connect', 1]],
    ['with a string for an object', ['connect', 1, 'live']],
    ['without app', ['connect', 1, { tcUrl: 'rtmp://x' }]],
    ['with a number for app', ['connect', 1, { app: 5 }]],
    ['whose name is a number', [1, 1, { app: 'live' }]],
  ] as [string, AmfValue[]][])('refuses one %s', (_, values) => {
    expect(() => new Peer().greet().command(...values)).toThrow(ProtocolError)
  })

  test('refuses a second one, and commands before it', () => {
    expect(() => new Peer().connect().command('connect', 1, { app: 'live' })).toThrow(ProtocolError)
    expect(() => new Peer().greet().command('createStream', 1, null)).toThrow(ProtocolError)
    expect(() => new Peer().greet().publish()).toThrow(ProtocolError)
  })
})

describe('publish', () => {
  test('answers what encoders ask before it, and asks for the decision', () => {
    const peer = new Peer().connect()
    peer.command('releaseStream', 2, null, 'key')
    peer.command('FCPublish', 3, null, 'key')
    peer.command('createStream', 4, null)
    expect(peer.commands.slice(1)).toEqual([
      ['_result', 2, null, undefined],
      ['_result', 3, null, undefined],
      ['_result', 4, null, 1],
    ])
    expect(peer.publish('key?bandwidthtest=true')).toEqual([
      { type: 'publish', app: 'live', streamKey: 'key', query: 'bandwidthtest=true', encoder: 'test/1' },
    ])
    expect(peer.lastStatus).toBeUndefined()
  })

  test('says Publish.Start only when accepted, behind StreamBegin', () => {
    const peer = new Peer().connect()
    peer.publish()
    peer.hear(peer.session.accept())
    expect(peer.heard.at(-2)).toMatchObject({ typeId: 4 })
    expect(peer.lastStatus).toMatchObject({ level: 'status', code: 'NetStream.Publish.Start' })
  })

  test('a warning is a status of its own level, and media goes on', () => {
    const peer = new Peer().connect()
    peer.publish()
    peer.hear(peer.session.accept())
    peer.hear(peer.session.warn('Keyframe Interval: 2 s.'))
    expect(peer.lastStatus).toEqual({
      level: 'warning',
      code: 'NetStream.Publish.Warning',
      description: 'Keyframe Interval: 2 s.',
    } as unknown as AmfObject)
    expect(peer.message(media(9))).toHaveLength(1)
  })

  test('a refusal is an error status, and nothing is heard afterwards', () => {
    const peer = new Peer().connect()
    peer.publish()
    peer.hear(peer.session.reject('NetStream.Publish.Denied', 'Wrong key.'))
    expect(peer.lastStatus).toEqual({
      level: 'error',
      code: 'NetStream.Publish.Denied',
      description: 'Wrong key.',
    } as unknown as AmfObject)
    expect(peer.message(media(9))).toEqual([])
    expect(peer.send(new Uint8Array(100))).toEqual([])
    expect(peer.session.state).toBe('closed')
  })

  test('media counts only between acceptance and the end', () => {
    const peer = new Peer().connect()
    expect(peer.message(media(9))).toEqual([])
    peer.publish()
    expect(peer.message(media(9))).toEqual([])
    peer.session.accept()
    expect(peer.message(media(9))).toMatchObject([{ type: 'media', kind: 'video', timestampMs: 7 }])
    expect(peer.message(media(8))).toMatchObject([{ type: 'media', kind: 'audio', timestampMs: 7 }])
    peer.command('FCUnpublish', 6, null, 'key')
    expect(peer.message(media(9))).toEqual([])
  })

  test('refuses a second publish, one without a name, and a flood of streams', () => {
    expect(() => new Peer().publishing().publish()).toThrow(ProtocolError)
    expect(() => new Peer().connect().command('publish', 5, null)).toThrow(ProtocolError)
    const peer = new Peer().connect()
    expect(() => {
      for (let index = 0; index < 100; index++) peer.command('createStream', 4, null)
    }).toThrow(ProtocolError)
  })

  test.each(['FCUnpublish', 'deleteStream', 'closeStream'])('%s ends it, once', name => {
    const peer = new Peer().publishing()
    expect(peer.command(name, 6, null, 1)).toMatchObject([{ type: 'end' }])
    expect(peer.lastStatus).toMatchObject({ code: 'NetStream.Unpublish.Success' })
    expect(peer.command('deleteStream', 7, null, 1)).toEqual([])
  })
})

describe('the rest of the conversation', () => {
  test('reads the metadata of a publisher, whatever else is in it', () => {
    const data = (...values: AmfValue[]) =>
      new Peer().publishing().message({ ...commandMessage(1, ...values), typeId: 18 })
    const content = { framerate: 30, encoder: 'obs', videocodecid: 7, audiocodecid: 'mp4a', width: 'wide' }
    const metadata = { frameRate: 30, encoder: 'obs', videoCodecId: 7, audioCodecId: 'mp4a', sounds: [] }
    expect(data('@setDataFrame', 'onMetaData', content)).toEqual([{ type: 'metadata', metadata }])
    expect(data('onMetaData', content)).toEqual([{ type: 'metadata', metadata }])
    expect(data('onMetaData', { framerate: -1 })).toMatchObject([{ metadata: { frameRate: undefined } }])
    expect(data('onTextData', content)).toEqual([])
    expect(data('@setDataFrame')).toEqual([])
  })

  test('acknowledges each window', () => {
    const peer = new Peer().publishing()
    peer.message(controlMessage(5, 1_000))
    const before = peer.heard.length
    peer.message({ ...media(9), payload: new Uint8Array(5_000) })
    const acknowledgements = peer.heard.slice(before).filter(each => each.typeId === 3)
    expect(acknowledgements).toHaveLength(1)
    expect(Buffer.from(acknowledgements[0]!.payload).readUInt32BE()).toBeGreaterThan(5_000)
  })

  test('answers a ping with what it carried, and sends its own', () => {
    const peer = new Peer().publishing()
    peer.message(userControl(6, 0x01020304))
    expect(Buffer.from(peer.heard.at(-1)!.payload).toString('hex')).toBe('000701020304')
    peer.hear(peer.session.ping(5))
    expect(Buffer.from(peer.heard.at(-1)!.payload).toString('hex')).toBe('000600000005')
  })

  test.each([
    ['user control', { typeId: 4, payload: Uint8Array.of(0) }],
    ['ping', { typeId: 4, payload: Uint8Array.of(0, 6, 1) }],
    ['window size', { typeId: 5, payload: Uint8Array.of(0) }],
    ['command', { typeId: 20, payload: Uint8Array.of(2, 0, 9, 65) }],
    ['command of 300 KB', { typeId: 20, payload: new Uint8Array(300_000).fill(5) }],
  ])('refuses a broken %s', (_, broken) => {
    const peer = new Peer().connect()
    expect(() => peer.message({ streamId: 0, timestamp: 0, ...broken })).toThrow(ProtocolError)
  })

  test('a real ffmpeg session says the same in one piece, byte by byte, and never more when cut off', async () => {
    const { opening, media: recorded } = await recordingOf('plain')
    const whole = replay(opening, recorded, 100_000)
    expect(whole.filter(event => event.startsWith('media'))).not.toHaveLength(0)
    expect(whole.at(-1)).toStartWith('end')
    expect(replay(opening, recorded, 1)).toEqual(whole)
    for (let cut = 0; cut < recorded.byteLength; cut += 997) {
      const seen = replay(opening, recorded.subarray(0, cut), 4_096)
      expect(whole.slice(0, seen.length)).toEqual(seen)
    }
  })
})

function replay(opening: Uint8Array, recorded: Uint8Array, pieces: number): string[] {
  const session = new RtmpSession()
  const seen: string[] = []
  for (const bytes of [opening, recorded])
    for (let at = 0; at < bytes.byteLength; at += pieces)
      for (const event of session.receive(bytes.subarray(at, at + pieces))) {
        if (event.type === 'publish') session.accept()
        if (event.type === 'media')
          seen.push(`media ${event.kind} ${event.timestampMs} ${Bun.hash(event.body)}`)
        else if (event.type !== 'reply') seen.push(`${event.type} ${JSON.stringify(event)}`)
      }
  return seen
}
