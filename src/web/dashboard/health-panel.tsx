/** What the streamer's encoder sends, in figures and in plain words. */
import type { StreamHealth } from '../api.ts'

type Running = Exclude<StreamHealth, { status: 'offline' }>
type Health = NonNullable<Running['health']>
type Notice = Health['notices'][number]

interface HealthPanelProps {
  readonly health: Running['health']
  readonly publishers: Running['publishers']
  readonly delays: Running['delays']
}

export function HealthPanel({ health, publishers, delays }: HealthPanelProps) {
  return (
    <section class="panel" aria-labelledby="health-heading">
      <h2 id="health-heading">Incoming stream</h2>
      {health ? (
        <Notices notices={health.notices} />
      ) : (
        <p class="muted">Waiting for the encoder to say what it sends…</p>
      )}
      {health && (
        <dl class="figures">
          <Figure name="Video bitrate" value={bitrate(health.videoBitrateBps)} />
          <Figure name="Frame rate" value={`${health.frameRate} fps`} />
          <Figure name="Resolution" value={`${health.width} × ${health.height}`} />
          <Figure name="Key frame every" value={seconds(health.keyFrameIntervalMs)} />
          <Figure name="B-frames" value={health.hasBFrames ? 'Yes' : 'No'} />
          <Figure name="Video codec" value={videoCodecName(health.videoCodec)} />
          <Figure name="Audio codec" value={audioText(health)} />
          <Figure name="Audio bitrate" value={health.audioCodec ? bitrate(health.audioBitrateBps) : '–'} />
        </dl>
      )}
      <ViewerDelays delays={delays} />
      {publishers.map(publisher => (
        <p key={publisher.role} class="muted small">
          {publisher.role === 'primary' ? 'From ' : 'Backup from '}
          {publisher.remoteAddress}
          {publisher.software && ` with ${publisher.software}`}
          {publisher.isActive && publishers.length > 1 && ' (viewers see this one)'}
        </p>
      ))}
    </section>
  )
}

/** What viewers' players have measured. */
function ViewerDelays({ delays }: { delays: Running['delays'] }) {
  const names = { webrtc: 'WebRTC', hls: 'HLS' }
  const measured = (['webrtc', 'hls'] as const).filter(protocol => delays[protocol])
  if (measured.length === 0) return null
  return (
    <>
      <h3>From your camera to your viewers</h3>
      <dl class="figures">
        {measured.map(protocol => {
          const { p50Ms, p95Ms, viewers } = delays[protocol]!
          return (
            <Figure
              key={protocol}
              name={`${names[protocol]}, ${viewers} ${viewers === 1 ? 'viewer' : 'viewers'}`}
              value={`${(p50Ms / 1000).toFixed(2)} s; 95 % within ${(p95Ms / 1000).toFixed(2)} s`}
            />
          )
        })}
      </dl>
    </>
  )
}

function Notices({ notices }: { notices: readonly Notice[] }) {
  const words = { info: 'Note', warning: 'Warning', error: 'Problem' }
  return (
    <ul class="notices" aria-live="polite">
      {notices.length === 0 && <li class="notice good">Everything looks good.</li>}
      {notices.map(notice => (
        <li key={notice.code} class={`notice ${notice.level}`}>
          <strong>{words[notice.level]}:</strong> {notice.message}
        </li>
      ))}
    </ul>
  )
}

function Figure({ name, value }: { name: string; value: string }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </div>
  )
}

function bitrate(bps: number): string {
  return bps >= 1_000_000 ? `${(bps / 1_000_000).toFixed(1)} Mb/s` : `${Math.round(bps / 1000)} kb/s`
}

function seconds(ms: number | undefined): string {
  return ms === undefined ? '–' : `${(ms / 1000).toFixed(1)} s`
}

/** RFC 6381 section 3.3: the profile is the first byte after `avc1.`. */
function videoCodecName(codec: string): string {
  const profile = /^avc1\.([0-9a-f]{2})/i.exec(codec)?.[1]?.toLowerCase()
  const names: Record<string, string> = { '42': 'Baseline', '4d': 'Main', '64': 'High', '6e': 'High 10' }
  if (profile === undefined) return codec
  return names[profile] ? `H.264 ${names[profile]}` : 'H.264'
}

function audioText({ audioCodec, audioSampleRate, audioChannels }: Health): string {
  if (!audioCodec) return 'None'
  const name = audioCodec.startsWith('mp4a.40') ? 'AAC' : audioCodec
  const rate = audioSampleRate ? `${audioSampleRate / 1000} kHz` : ''
  const layout = audioChannels === 1 ? 'mono' : audioChannels === 2 ? 'stereo' : ''
  return [name, rate, layout].filter(Boolean).join(' ')
}
