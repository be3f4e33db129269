/** Proves a mediasoup worker: a WebRTC client makes a DTLS handshake with it and decrypts a packet that it relayed. */
import { createWorker } from 'mediasoup'
import type { Producer, Router, WebRtcTransport, Worker } from 'mediasoup/types'
import {
  IceCandidate,
  ProtectionProfileAeadAes128Gcm,
  ProtectionProfileAes128CmHmacSha1_80,
  RTCDtlsFingerprint,
  RTCDtlsParameters,
  RTCDtlsTransport,
  RTCIceGatherer,
  RTCIceParameters,
  RTCIceTransport,
} from 'werift'

const ssrc = 0x51_01_ce
const payload = Buffer.from('sluice')
/** Browsers negotiate GCM; other clients the older profile. Each is keyed and run by its own code in the worker. */
const srtpProfiles = [ProtectionProfileAeadAes128Gcm, ProtectionProfileAes128CmHmacSha1_80]
type SrtpProfile = (typeof srtpProfiles)[number]

/** Rejects with the reason when the worker at `workerBin` does not start, dies, errs or has not done after `limitMs`. */
export async function proveWorker(workerBin: string, limitMs = 15_000): Promise<void> {
  const { promise: failed, reject: fail } = Promise.withResolvers<never>()
  let isOver = false
  let worker: Worker | undefined
  const late = setTimeout(() => fail(new Error(`it did not answer within ${limitMs / 1000} s`)), limitMs)
  try {
    worker = await Promise.race([start(workerBin, () => isOver), failed])
    worker.on('died', () => fail(new Error('it died in the handshake')))
    await Promise.race([relayToClients(worker), failed])
  } finally {
    isOver = true
    clearTimeout(late)
    worker?.close()
  }
}

async function start(workerBin: string, isOver: () => boolean): Promise<Worker> {
  const worker = await createWorker({ workerBin, logLevel: 'error' }).catch(error => {
    throw new Error(`it did not start: ${error.message}`)
  })
  // Nobody waits any longer for one that started too late.
  if (isOver()) worker.close()
  return worker
}

async function relayToClients(worker: Worker): Promise<void> {
  const router = await worker.createRouter({
    mediaCodecs: [
      { kind: 'audio', mimeType: 'audio/opus', preferredPayloadType: 100, clockRate: 48_000, channels: 2 },
    ],
  })
  const producer = await openProducer(router)
  for (const profile of srtpProfiles) {
    const transport = await router.createWebRtcTransport({
      listenInfos: [{ protocol: 'udp', ip: '127.0.0.1' }],
      enableTcp: false,
    })
    await playOnePacket(router, producer, transport, profile)
  }
}

async function openProducer(router: Router): Promise<Producer> {
  const transport = await router.createDirectTransport()
  const rtpParameters = {
    codecs: [{ mimeType: 'audio/opus', payloadType: 100, clockRate: 48_000, channels: 2 }],
    encodings: [{ ssrc }],
  }
  return transport.produce({ kind: 'audio', rtpParameters })
}

async function playOnePacket(
  router: Router,
  producer: Producer,
  transport: WebRtcTransport,
  profile: SrtpProfile,
) {
  const certificate = await RTCDtlsTransport.SetupCertificate()
  const ice = new RTCIceTransport(new RTCIceGatherer({ additionalHostAddresses: ['127.0.0.1'] }))
  const dtls = new RTCDtlsTransport({}, ice, certificate, [profile])
  try {
    const fingerprints = certificate
      .getFingerprints()
      .map(({ value }) => ({ algorithm: 'sha-256', value }) as const)
    await transport.connect({ dtlsParameters: { role: 'client', fingerprints } })
    await transport.consume({ producerId: producer.id, rtpCapabilities: router.rtpCapabilities })
    await handshake(ice, dtls, transport)
    await receivePayload(dtls, producer)
  } finally {
    await dtls.stop()
    await ice.stop()
  }
}

async function handshake(
  ice: RTCIceTransport,
  dtls: RTCDtlsTransport,
  transport: WebRtcTransport,
): Promise<void> {
  const { iceParameters, dtlsParameters } = transport
  await ice.gather()
  ice.connection.iceControlling = true
  ice.setRemoteParams(new RTCIceParameters({ ...iceParameters, iceLite: true }))
  for (const { foundation, priority, address, port } of transport.iceCandidates) {
    await ice.addRemoteCandidate(new IceCandidate(1, foundation, address, port, priority, 'udp', 'host'))
  }
  await ice.addRemoteCandidate(undefined)
  await ice.start()
  dtls.role = 'client'
  const fingerprints = dtlsParameters.fingerprints.map(
    ({ algorithm, value }) => new RTCDtlsFingerprint(algorithm, value),
  )
  dtls.setRemoteParams(new RTCDtlsParameters(fingerprints, 'server'))
  await dtls.start()
}

/** Sends packets into the worker until the client has decrypted one. */
async function receivePayload(dtls: RTCDtlsTransport, producer: Producer): Promise<void> {
  let sequence = 0
  const sending = setInterval(() => producer.send(rtpPacket(sequence++)), 20)
  try {
    await new Promise<void>(resolve => {
      dtls.onRtp.subscribe(packet => packet.payload.equals(payload) && resolve())
    })
  } finally {
    clearInterval(sending)
  }
}

/** RFC 3550, 5.1: version 2, no padding, extension or contributing sources. */
function rtpPacket(sequence: number): Buffer {
  const header = Buffer.alloc(12)
  header.writeUInt8(0x80, 0)
  header.writeUInt8(100, 1)
  header.writeUInt16BE(sequence & 0xffff, 2)
  header.writeUInt32BE(sequence * 960, 4)
  header.writeUInt32BE(ssrc, 8)
  return Buffer.concat([header, payload])
}
