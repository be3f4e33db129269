import { describe, expect, test } from 'bun:test'
import { ProtocolError } from '../../../media/protocol-error.ts'
import { type AmfObject, type AmfValue, decodeAmf0 } from '../../../media/rtmp/amf0.ts'
import { commandMessage } from '../../../media/rtmp/message.ts'
import type { RtmpEvent } from '../../../media/rtmp/session.ts'
import { media, Peer } from './session-peer.ts'

describe('play', () => {
  const playing = (...extra: AmfValue[]) => {
    const peer = new Peer().connect()
    const events = peer.command('play', 5, null, 'slug?gop=0', -2000, ...extra)
    return { peer, events }
  }
  const codes = (peer: Peer) =>
    peer.commands.filter(each => each[0] === 'onStatus').map(each => (each[3] as AmfObject)['code'])

  test('answers what players ask before it, and hands on the name', () => {
    const peer = new Peer().connect()
    peer.command('createStream', 2, null)
    peer.command('FCSubscribe', 3, null, 'slug')
    peer.command('getStreamLength', 4, null, 'slug')
    expect(peer.commands.slice(1)).toMatchObject([
      ['_result', 2, null, 1],
      ['onFCSubscribe', 0, null, { code: 'NetStream.Play.Start' }],
      ['_result', 4, null, 0],
    ])
    expect(peer.command('play', 5, null, 'slug?gop=0', -2000)).toEqual([
      { type: 'play', app: 'live', name: 'slug', query: 'gop=0' },
    ])
    expect(codes(peer)).toEqual([])
  })

  test('starts in the order of the specification, then carries media on the stream that was asked for', () => {
    const { peer } = playing(-1, true)
    const before = peer.heard.length
    peer.hear(peer.session.startPlaying())
    peer.hear(peer.session.media('video', 2 ** 32 + 5, Uint8Array.of(0x17, 1)))
    peer.hear(peer.session.media('audio', 0x1234567, new Uint8Array(200_000)))
    const heard = peer.heard.slice(before)
    expect(heard.map(each => each.typeId)).toEqual([4, 20, 20, 18, 9, 8])
    expect(codes(peer)).toEqual(['NetStream.Play.Reset', 'NetStream.Play.Start'])
    expect(decodeAmf0(heard[3]!.payload)).toEqual(['|RtmpSampleAccess', true, true])
    expect(heard[4]).toMatchObject({ timestamp: 5, payload: Uint8Array.of(0x17, 1) })
    expect(heard[5]).toMatchObject({ timestamp: 0x1234567 })
    expect(heard[5]!.payload.byteLength).toBe(200_000)
  })

  test('Play.Reset is said only to who asks for it', () => {
    const { peer } = playing()
    peer.hear(peer.session.startPlaying())
    expect(codes(peer)).toEqual(['NetStream.Play.Start'])
  })

  test.each([
    ['receiveVideo', false, { kinds: ['video'], isWanted: false }, []],
    [
      'receiveAudio',
      true,
      { kinds: ['audio'], isWanted: true },
      ['NetStream.Seek.Notify', 'NetStream.Play.Start'],
    ],
    ['pause', true, { kinds: ['audio', 'video'], isWanted: false }, ['NetStream.Pause.Notify']],
    ['pause', false, { kinds: ['audio', 'video'], isWanted: true }, ['NetStream.Unpause.Notify']],
  ] as const)('%s %p', (name, flag, event, answers) => {
    const { peer } = playing()
    expect(peer.command(name, 6, null, flag, 0)).toEqual([
      { type: 'receive', ...event } as unknown as RtmpEvent,
    ])
    expect(codes(peer)).toEqual([...answers])
  })

  test('a live stream cannot be sought', () => {
    const { peer } = playing()
    expect(peer.command('seek', 6, null, 1_000)).toEqual([])
    expect(peer.lastStatus).toMatchObject({ level: 'error', code: 'NetStream.Seek.Failed' })
  })

  test('a player may stop and play something else, but not publish beside it', () => {
    const { peer } = playing()
    expect(peer.command('closeStream', 6, null)).toEqual([{ type: 'stop' }])
    expect(peer.command('play', 7, null, 'other')).toMatchObject([{ type: 'play', name: 'other' }])
    expect(peer.command('play', 8, null, 'third')).toMatchObject([{ type: 'stop' }, { name: 'third' }])
    expect(() => peer.publish()).toThrow(ProtocolError)
  })

  test('media of a player reaches nobody', () => {
    const { peer } = playing()
    peer.hear(peer.session.startPlaying())
    expect(peer.message(media(9))).toEqual([])
    expect(peer.message({ ...commandMessage(1, 'onMetaData', {}), typeId: 18 })).toEqual([])
  })

  test('the end is told in every way that players know', () => {
    const { peer } = playing()
    peer.hear(peer.session.startPlaying())
    peer.hear(peer.session.endPlaying())
    expect(codes(peer).slice(1)).toEqual(['NetStream.Play.UnpublishNotify', 'NetStream.Play.Stop'])
    expect(Buffer.from(peer.heard.findLast(each => each.typeId === 4)!.payload).toString('hex')).toBe(
      '000100000000',
    )
    expect(peer.session.state).toBe('closed')
  })

  test('refuses a flood of plays', () => {
    const { peer } = playing()
    expect(() => {
      for (let index = 0; index < 100; index++) peer.command('play', 5, null, 'slug')
    }).toThrow(ProtocolError)
  })

  test('refuses play without a name, beside a publisher, and before connect', () => {
    expect(() => new Peer().connect().command('play', 5, null)).toThrow(ProtocolError)
    expect(() => new Peer().publishing().command('play', 5, null, 'slug')).toThrow(ProtocolError)
    expect(() => new Peer().greet().command('play', 5, null, 'slug')).toThrow(ProtocolError)
  })
})
