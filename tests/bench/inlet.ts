/**
 * `sh docker/run.sh test bun tests/bench/inlet.ts`: what it costs to hand RTP to a mediasoup worker, through its pipe
 * (DirectTransport) or over UDP on loopback (PlainTransport), and whether all of it arrives.
 */
import { createWorker } from 'mediasoup'
import type { DirectTransport, PlainTransport, Producer, Router } from 'mediasoup/types'
import { treeUsage } from '../support/process-tree.ts'

/** Thirty publishers of 2.5 Mb/s in packets of 1,200 bytes, ten to a frame. */
const PACKETS_PER_SECOND = 9_000
const BURST = 10
/** A key frame of 4K, all at once. */
const KEY_FRAME_PACKETS = 1_000
const SECONDS = 10
const RECEIVE_BUFFER_BYTES = 4 * 1024 * 1024
const codec = {
  mimeType: 'video/H264',
  clockRate: 90_000,
  parameters: { 'packetization-mode': 1, 'profile-level-id': '42e01f', 'level-asymmetry-allowed': 1 },
}
const rtpParameters = { codecs: [{ ...codec, payloadType: 96 }], encodings: [{ ssrc: 1111 }] }

interface Inlet {
  readonly producer: Producer
  send(packets: Buffer[]): void
}

async function openDirect(router: Router): Promise<Inlet> {
  const transport: DirectTransport = await router.createDirectTransport()
  const producer = await transport.produce({ kind: 'video', rtpParameters })
  return {
    producer,
    send(packets) {
      for (const packet of packets) producer.send(packet)
    },
  }
}

async function openUdp(router: Router): Promise<Inlet> {
  const listenInfo = { protocol: 'udp', ip: '127.0.0.1', recvBufferSize: RECEIVE_BUFFER_BYTES } as const
  const transport: PlainTransport = await router.createPlainTransport({ listenInfo, rtcpMux: true })
  const { localPort: port } = transport.tuple
  const socket = await Bun.udpSocket({ hostname: '127.0.0.1', connect: { hostname: '127.0.0.1', port } })
  await transport.connect({ ip: '127.0.0.1', port: socket.port })
  const producer = await transport.produce({ kind: 'video', rtpParameters })
  return { producer, send: packets => void socket.sendMany(packets) }
}

async function measure(name: string, open: (router: Router) => Promise<Inlet>): Promise<void> {
  const worker = await createWorker({ logLevel: 'error' })
  const router = await worker.createRouter({
    mediaCodecs: [{ ...codec, kind: 'video', preferredPayloadType: 96 }],
  })
  const { producer, send } = await open(router)
  let sent = 0
  const burst = (count: number) => send(Array.from({ length: count }, () => packetOf(sent++)))
  const before = treeUsage(process.pid)
  const begun = performance.now()
  while (performance.now() - begun < SECONDS * 1000) {
    while (sent < ((performance.now() - begun) / 1000) * PACKETS_PER_SECOND) burst(BURST)
    await Bun.sleep(1)
  }
  const after = treeUsage(process.pid)
  for (let index = 0; index < 20; index++) {
    burst(KEY_FRAME_PACKETS)
    await Bun.sleep(50)
  }
  const [stats] = await producer.getStats()
  const cpu = ((after.cpuSeconds - before.cpuSeconds) / ((after.at - before.at) / 1000)) * 100
  console.log(
    `${name}: ${cpu.toFixed(1)} % of a core, ${sent - (stats?.packetCount ?? 0)} of ${sent} packets lost`,
  )
  worker.close()
}

function packetOf(index: number): Buffer {
  const packet = Buffer.alloc(1_200)
  packet[0] = 0x80
  packet[1] = 96
  packet.writeUInt16BE(index & 0xffff, 2)
  packet.writeUInt32BE((Math.floor(index / BURST) * 3_000) >>> 0, 4)
  packet.writeUInt32BE(1111, 8)
  packet[12] = 0x61
  return packet
}

await measure('DirectTransport', openDirect)
await measure('PlainTransport over UDP', openUdp)
process.exit(0)
