/** Hides when a publisher's tracks are known: holds its units until then, and starts anew when a track changes. */
import type { AccessUnit, AudioTrack, Track, Tracks, VideoTrack } from '../../media/access-unit.ts'
import { FlvDepacketizer } from '../../media/flv/depacketizer.ts'
import type { FlvEvent } from '../../media/flv/event.ts'
import type { PublisherMetadata } from '../../media/rtmp/metadata.ts'
import { AppError } from '../errors.ts'
import type { Broadcast } from '../live/broadcast.ts'

/** Media time to wait for sound: where nothing was said about it, and where it was announced. */
const AUDIO_WAIT_MS = 1_000
const ANNOUNCED_AUDIO_WAIT_MS = 5_000
const MAX_HELD_UNITS = 2_000
const MAX_HELD_BYTES = 16 * 1024 * 1024
/** Each new broadcast is a seam for every viewer: sound that a viewer may choose makes no more of them than this. */
const MAX_SEAMS_FOR_ALTERNATES = 8

/**
 * One publisher's media on its way into broadcasts. Before the tracks are known at most 2,000 units or 16 MB are
 * held; beyond that it starts without sound, or, without video yet, forgets the oldest.
 */
export class PublisherFeed {
  readonly #start: (tracks: Tracks) => Pick<Broadcast, 'write'>
  readonly #depacketizer = new FlvDepacketizer()
  readonly #held: AccessUnit[] = []
  #heldBytes = 0
  #isAudioAnnounced: boolean | undefined
  #video: VideoTrack | undefined
  /** By track id; the default sound is the lowest. */
  readonly #sounds = new Map<number, AudioTrack>()
  readonly #announcedSounds = new Set<number>()
  #seamsForAlternates = 0
  #tracks: Tracks | undefined
  #broadcast: Pick<Broadcast, 'write'> | undefined

  /** `start` is called when the tracks are known, and again when one of them changes. */
  constructor(start: (tracks: Tracks) => Pick<Broadcast, 'write'>) {
    this.#start = start
  }

  get isStarted(): boolean {
    return this.#broadcast !== undefined
  }

  metadata(metadata: PublisherMetadata): void {
    if (metadata.frameRate !== undefined) this.#depacketizer.hintFrameRate(metadata.frameRate)
    for (const { trackId, language } of metadata.sounds) {
      this.#announcedSounds.add(trackId)
      if (language !== undefined) this.#depacketizer.hintLanguage(trackId, language)
    }
    const { videoCodecId, audioCodecId } = metadata
    if (audioCodecId !== undefined && audioCodecId !== 0) this.#isAudioAnnounced = true
    else if (videoCodecId !== undefined && audioCodecId === undefined) this.#isAudioAnnounced = false
    this.#startIfKnown()
  }

  /**
   * Takes one RTMP message. Throws `AppError` INVALID for a codec that cannot be carried, in words for the streamer,
   * and `ProtocolError` for garbage.
   */
  write(kind: 'audio' | 'video', timestampMs: number, body: Uint8Array): void {
    for (const event of this.#depacketizer.push(kind, timestampMs, body)) this.#onEvent(event)
  }

  /** The time for tracks to appear is over: starts with the video that is known. Throws `AppError` INVALID `no_video`. */
  stopWaiting(): void {
    if (this.isStarted) return
    if (!this.#video)
      throw new AppError(
        'INVALID',
        'no_video',
        'No video has arrived. In OBS: Settings → Output → Video Encoder: choose H.264, and start streaming again.',
      )
    this.#begin(this.#video)
  }

  #onEvent(event: FlvEvent): void {
    switch (event.type) {
      case 'track':
        this.#onTrack(event.track)
        return
      case 'unit':
        if (this.#tracks) this.#onUnit(event.unit, this.#tracks)
        else this.#hold(event.unit)
        return
      case 'unsupported':
        throw unsupportedCodec(event)
      case 'skipped':
        return
    }
  }

  #onTrack(track: Track): void {
    if (track.kind === 'video') this.#video = track
    else this.#sounds.set(track.trackId ?? 0, track)
    this.#startIfKnown()
  }

  /** A changed track counts from the next key frame: until then its units fit no broadcast and are left out. */
  #onUnit(unit: AccessUnit, tracks: Tracks): void {
    if (unit.isKey && unit.track === this.#video && this.#isChanged(tracks)) this.#begin(this.#video)
    if (this.#tracks && tracksOf(this.#tracks).includes(unit.track)) this.#broadcast?.write(unit)
  }

  #isChanged(tracks: Tracks): boolean {
    const [audio, ...alternates] = this.#soundsInOrder()
    if (this.#video !== tracks.video || audio !== tracks.audio) return true
    const known = tracks.alternateAudio ?? []
    const isSame = alternates.length === known.length && alternates.every(each => known.includes(each))
    return !isSame && this.#seamsForAlternates++ < MAX_SEAMS_FOR_ALTERNATES
  }

  #soundsInOrder(): AudioTrack[] {
    return [...this.#sounds].sort(([a], [b]) => a - b).map(([, sound]) => sound)
  }

  #hold(unit: AccessUnit): void {
    this.#held.push(unit)
    this.#heldBytes += unit.data.byteLength
    this.#startIfKnown()
    while (this.#held.length > MAX_HELD_UNITS || this.#heldBytes > MAX_HELD_BYTES) {
      if (this.#video) {
        this.#begin(this.#video)
        return
      }
      this.#heldBytes -= this.#held.shift()!.data.byteLength
    }
  }

  #startIfKnown(): void {
    // The first unit is awaited, because the configurations of further sounds come before it.
    if (this.isStarted || !this.#video || this.#held.length === 0) return
    const isMissingOne = [...this.#announcedSounds].some(trackId => !this.#sounds.has(trackId))
    const isKnown = this.#sounds.size > 0 ? !isMissingOne : this.#isAudioAnnounced === false
    const wait = this.#isAudioAnnounced || isMissingOne ? ANNOUNCED_AUDIO_WAIT_MS : AUDIO_WAIT_MS
    if (isKnown || this.#heldMs() >= wait) this.#begin(this.#video)
  }

  #heldMs(): number {
    const first = this.#held[0]
    const last = this.#held.at(-1)
    if (!first || !last) return 0
    return (last.dts / last.track.timescale - first.dts / first.track.timescale) * 1000
  }

  #begin(video: VideoTrack): void {
    const [audio, ...alternateAudio] = this.#soundsInOrder()
    this.#tracks = { video, ...(audio && { audio }), ...(alternateAudio.length > 0 && { alternateAudio }) }
    this.#broadcast = this.#start(this.#tracks)
    this.#heldBytes = 0
    for (const unit of this.#held.splice(0)) this.#onUnit(unit, this.#tracks)
  }
}

function tracksOf({ video, audio, alternateAudio = [] }: Tracks): readonly Track[] {
  return audio ? [video, audio, ...alternateAudio] : [video]
}

function unsupportedCodec({ kind, codec, name }: FlvEvent & { type: 'unsupported' }): AppError {
  const video = 'Settings → Output → Video Encoder: choose H.264, HEVC or AV1.'
  const audio = 'Settings → Output → Audio Encoder: choose AAC or Opus.'
  const [what, mend] =
    kind === 'video'
      ? ['video', video]
      : ['sound', codec === 'Opus' ? 'Settings → Audio → Channels: choose Stereo.' : audio]
  const message = `The ${what} is ${name}, which cannot be carried. In OBS: ${mend}`
  return new AppError('INVALID', `${kind}_codec_unsupported`, message)
}
