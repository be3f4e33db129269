/** How hls.js is set up: near the live edge, with bounded buffers, and patient while a stream has a gap. */
import type { HlsConfig } from 'hls.js'

/** A playlist is asked for again for longer than any publisher may take to return. */
const PATIENCE = { maxNumRetry: 200, retryDelayMs: 500, maxRetryDelayMs: 1_500 }
/** Until something has been measured: enough for 720p, so that nobody starts at the lowest quality. */
const FIRST_ESTIMATE_BPS = 4_500_000

/** A worker would need `blob:` scripts, and fMP4 has nothing to transmux. */
export const HLS_CONFIG: Partial<HlsConfig> = {
  lowLatencyMode: true,
  enableWorker: false,
  backBufferLength: 10,
  maxBufferLength: 10,
  maxMaxBufferLength: 20,
  maxBufferSize: 30_000_000,
  // The first fragment plays, instead of being a test at the lowest quality.
  startLevel: -1,
  testBandwidth: false,
  abrEwmaDefaultEstimate: FIRST_ESTIMATE_BPS,
  // With so little buffered, a slower network has to be noticed soon.
  abrEwmaFastLive: 2,
  abrEwmaSlowLive: 4,
  // With so many small downloads the measure is steady: hls.js's own 0.7 would keep many below what they can have.
  abrBandWidthUpFactor: 0.8,
  // How far behind it may be is decided by `Pace`, which can tell a gap of the publisher from a slow network.
  liveSyncOnStallIncrease: 0,
  playlistLoadPolicy: {
    default: {
      maxTimeToFirstByteMs: 10_000,
      maxLoadTimeMs: 20_000,
      // A blocked reload is held by the server for longer than hls.js waits.
      timeoutRetry: { maxNumRetry: PATIENCE.maxNumRetry, retryDelayMs: 0, maxRetryDelayMs: 0 },
      errorRetry: { ...PATIENCE, backoff: 'linear' },
    },
  },
}
