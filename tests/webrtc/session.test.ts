import { afterAll, expect, test } from 'bun:test'
import * as sdpTransform from 'sdp-transform'
import { EdgeRouter } from '../../src/webrtc/edge-router.ts'
import { parseOffer, signatureOf } from '../../src/webrtc/offer.ts'
import { OriginRouter } from '../../src/webrtc/origin-router.ts'
import { Session } from '../../src/webrtc/session.ts'
import { firefoxOffer, h264, offer, opus, SESSION, safariOffer } from './offers.ts'
import { ANNOUNCED, openWorkers } from './stage.ts'

const pool = await openWorkers(1)
const media = await pool.acquire()
const origin = await OriginRouter.open(media, 1)
const layers = [{ encodingId: 'source', width: 1, height: 1, bitrateBps: 0, isActive: true }]
const picture = {
  layers,
  hasRenditions: () => false,
  floorBps: () => 1_000_000,
  requestKeyUnit: () => {},
  join: () => () => {},
}
afterAll(() => pool.close())

/** What the worker holds: ids of transports, and of routers. */
async function held(): Promise<{ transports: number; routers: number }> {
  const [server, worker] = await Promise.all([media.webRtcServer.dump(), media.worker.dump()])
  return { transports: server.webRtcTransportIds.length, routers: worker.routerIds.length }
}

async function answer(sdp: string, connectDeadlineMs?: number) {
  const parsed = parseOffer(sdp)
  const edge = await EdgeRouter.open(media, signatureOf(parsed), origin)
  const deadline = connectDeadlineMs === undefined ? {} : { connectDeadlineMs }
  const opened = await Session.answering(parsed, { edge, announced: ANNOUNCED, picture, ...deadline })
  return { ...opened, edge, description: sdpTransform.parse(opened.sdp) }
}

const withData = firefoxOffer
  .replace('BUNDLE 0 1', 'BUNDLE 0 1 data')
  .concat(
    [
      'm=application 9 UDP/DTLS/SCTP webrtc-datachannel',
      'c=IN IP4 0.0.0.0',
      'a=mid:data',
      'a=sctp-port:5000',
      '',
    ].join('\r\n'),
  )

const offers: { name: string; sdp: string; lines: string[] }[] = [
  { name: 'Firefox', sdp: firefoxOffer, lines: ['audio 9 109', 'video 9 126'] },
  { name: 'Safari', sdp: safariOffer, lines: ['video 9 98', 'audio 9 111'] },
  { name: 'video alone', sdp: offer([h264(126)]), lines: ['video 9 126'] },
  { name: 'audio alone', sdp: offer([opus(109)]), lines: ['audio 9 109'] },
  {
    name: 'types that an RTX would take',
    sdp: offer([h264(101), opus(100)]),
    lines: ['video 9 101', 'audio 9 100'],
  },
  {
    name: 'types from the lower range',
    sdp: offer([h264(41), opus(63)]),
    lines: ['video 9 41', 'audio 9 63'],
  },
  {
    name: 'High, and mids of words',
    sdp: offer([
      { ...opus(111), mid: 'sound' },
      { ...h264(100, '640c34'), mid: 'picture' },
    ]),
    lines: ['audio 9 111', 'video 9 100'],
  },
  {
    name: 'a second video, which is refused',
    sdp: offer([h264(96), opus(111), { ...h264(96), mid: 'second' }]),
    lines: ['video 9 96', 'audio 9 111', 'video 0 96'],
  },
  {
    name: 'data, which is refused',
    sdp: withData,
    lines: ['audio 9 109', 'video 9 126', 'application 0 webrtc-datachannel'],
  },
  {
    name: 'one section that wants nothing',
    sdp: offer([{ ...h264(96), direction: 'sendonly' }, opus(111)]),
    lines: ['video 0 96', 'audio 9 111'],
  },
]
for (const { name, sdp, lines } of offers)
  test(`an answer has the offer's sections in their order, with its payload types: ${name}`, async () => {
    const { session, edge, description, sdp: text } = await answer(sdp)
    const offered = sdpTransform.parse(sdp)
    expect(description.media.map(({ type, port, payloads }) => `${type} ${port} ${payloads}`)).toEqual(lines)
    expect(description.media.map(section => section.mid)).toEqual(offered.media.map(section => section.mid))
    expect(description.media.map(section => section.protocol)).toEqual(
      offered.media.map(section => section.protocol),
    )
    const accepted = description.media.filter(section => section.port !== 0)
    expect(text).toContain(`a=group:BUNDLE ${accepted.map(section => section.mid).join(' ')}\r\n`)
    expect(description.icelite).toBe('ice-lite')
    expect(description.fingerprint?.type).toBe('sha-256')
    for (const section of accepted) {
      expect(section).toMatchObject({ direction: 'sendonly', setup: 'passive', rtcpMux: 'rtcp-mux' })
      expect(section.rtp.map(codec => codec.payload)).toEqual([Number(section.payloads)])
      expect(section.ssrcs?.[0]?.attribute).toBe('cname')
      expect(section.msid?.[0]?.id).toBe(accepted[0]!.msid![0]!.id)
      expect(section.candidates?.map(each => `${each.transport} ${each.ip} ${each.type}`)).toEqual([
        'udp 127.0.0.1 host',
        'tcp 127.0.0.1 host',
      ])
      expect(section.endOfCandidates).toBe('end-of-candidates')
    }
    const video = accepted.find(section => section.type === 'video')
    if (video) {
      const parameters = sdpTransform.parseParams(video.fmtp[0]!.config)
      expect(parameters).toMatchObject({ 'packetization-mode': 1 })
      const profile = String(parameters['profile-level-id'])
      expect(sdp.toLowerCase()).toContain(`profile-level-id=${profile}`)
      expect(video.rtcpFb?.map(({ type, subtype }) => [type, subtype].join(' ').trim())).toContain('nack')
      expect(JSON.stringify(video.rtcpFb)).not.toContain('transport-cc')
    }
    expect(JSON.stringify(description.media)).not.toContain('rtx')
    session.close()
    edge.close()
  })

test('a client that is passive in DTLS gets an active server', async () => {
  const sdp = offer(
    [h264(96)],
    SESSION.map(line => line.replace('actpass', 'passive')),
  )
  const { edge, description } = await answer(sdp)
  expect(description.media[0]!.setup).toBe('active')
  edge.close()
})

test('several addresses are announced in their order of preference', async () => {
  const parsed = parseOffer(firefoxOffer)
  const edge = await EdgeRouter.open(media, signatureOf(parsed), origin)
  const { sdp } = await Session.answering(parsed, {
    edge,
    announced: ['192.0.2.1', '192.0.2.2'],
    picture,
  })
  const candidates = sdpTransform.parse(sdp).media[0]!.candidates!
  const udp = candidates.filter(candidate => candidate.transport === 'udp')
  expect(udp.map(candidate => candidate.ip)).toEqual(['192.0.2.1', '192.0.2.2'])
  expect(udp[0]!.priority).toBeGreaterThan(udp[1]!.priority)
  expect(new Set(candidates.map(candidate => candidate.foundation)).size).toBe(candidates.length)
  edge.close()
})

test('an offer by the server keeps RTX, and congestion control where there are renditions', async () => {
  const edge = await EdgeRouter.open(media, { videoPayloadType: 102, audioPayloadType: 111 }, origin)
  const ladder = { ...picture, hasRenditions: () => true }
  const { session, sdp } = await Session.offering({ edge, announced: ANNOUNCED, picture: ladder })
  const [video, audio] = sdpTransform.parse(sdp).media
  expect(video!.rtp.map(codec => codec.codec)).toEqual(['H264', 'rtx'])
  expect(video!.ssrcGroups?.[0]?.semantics).toBe('FID')
  expect(video!.ext?.map(extension => extension.uri).join()).toContain('transport-wide-cc')
  expect(video!.setup).toBe('actpass')
  expect(audio!.rtp).toMatchObject([{ payload: 111, codec: 'opus' }])
  expect(session.isConnected).toBe(false)
  const { sdp: videoAlone } = await Session.offering({ edge, announced: ANNOUNCED, picture }, ['video'])
  const [alone, ...others] = sdpTransform.parse(videoAlone).media
  expect([alone!.type, others]).toEqual(['video', []])
  expect(alone!.rtp.map(codec => codec.codec)).toEqual(['H264', 'rtx'])
  expect(alone!.ext?.map(extension => extension.uri)).toEqual(['urn:ietf:params:rtp-hdrext:sdes:mid'])
  expect(alone!.rtcpFb?.map(({ type }) => type)).not.toContain('transport-cc')
  edge.close()
  await session.closed
})

test('a session that never connects is reaped, and leaves nothing', async () => {
  const before = await held()
  const { session, edge } = await answer(firefoxOffer, 50)
  expect(await held()).toEqual({ transports: before.transports + 1, routers: before.routers + 1 })
  await session.closed
  expect(session.isConnected).toBe(false)
  edge.close()
  await edge.closed
  expect(await held()).toEqual(before)
})

test('a session and its router can be closed in any order, and twice', async () => {
  const before = await held()
  const first = await answer(firefoxOffer)
  first.session.close()
  first.session.close()
  await first.session.closed
  first.edge.close()
  first.edge.close()
  const second = await answer(firefoxOffer)
  second.edge.close()
  await second.session.closed
  second.session.close()
  expect(await held()).toEqual(before)
})

test('a session that cannot be opened leaves nothing', async () => {
  const before = await held()
  const parsed = parseOffer(firefoxOffer)
  const edge = await EdgeRouter.open(media, signatureOf(parsed), origin)
  const broken = { ...parsed, dtls: { ...parsed.dtls, fingerprints: [] } }
  await expect(Session.answering(broken, { edge, announced: ANNOUNCED, picture })).rejects.toThrow()
  expect((await held()).transports).toBe(before.transports)
  edge.close()
  await expect(Session.answering(parsed, { edge, announced: ANNOUNCED, picture })).rejects.toThrow()
  expect(await held()).toEqual(before)
})

test('an edge router that its worker refuses leaves nothing', async () => {
  const before = await held()
  const signature = { videoPayloadType: 111, audioPayloadType: 111 }
  await expect(EdgeRouter.open(media, signature, origin)).rejects.toThrow()
  expect(await held()).toEqual(before)
})

test('when the origin is gone, its edges and their sessions are too', async () => {
  const before = await held()
  const own = await OriginRouter.open(media, 3)
  const parsed = parseOffer(firefoxOffer)
  const edge = await EdgeRouter.open(media, signatureOf(parsed), own)
  const { session } = await Session.answering(parsed, { edge, announced: ANNOUNCED, picture })
  own.close()
  await Promise.all([edge.closed, session.closed])
  await expect(EdgeRouter.open(media, signatureOf(parsed), own)).rejects.toThrow()
  expect(await held()).toEqual(before)
})
