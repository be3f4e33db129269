/** What a streamer is told about the smaller qualities of the stream, in words that say what to change. */
import type { Rung } from './broadcast.ts'
import type { Notice } from './health.ts'

const REMEDY =
  'To get it back for sure, send less: in OBS: Settings → Video: lower the Output (Scaled) Resolution or the FPS. ' +
  'Or run the server on more CPU cores, or set a smaller LADDER.'

function list(rungs: readonly Rung[]): string {
  return rungs.map(({ name }) => name).join(', ')
}

/** `lost` is off for now, `left` goes on. */
export function shedNotice(lost: readonly Rung[], left: readonly Rung[]): Notice {
  const rest = left.length > 0 ? `${list(left)} and your own quality go on` : 'only your own quality goes on'
  return {
    code: 'ladder_shed',
    level: 'warning',
    message:
      `The server could not keep up with making ${list([...lost, ...left])}, so ${list(lost)} is off for now and ${rest}. ` +
      `It is tried again in a while. ${REMEDY}`,
  }
}

/** There was no CPU for any of `rungs` from the start. */
export function leftOutNotice(rungs: readonly Rung[]): Notice {
  return {
    code: 'ladder_left_out',
    level: 'info',
    message:
      `The server is too busy to make ${list(rungs)} of this stream, so every viewer gets your own quality, and slow ` +
      'connections may stall. In OBS: Settings → Output: a lower Video Bitrate (2500 Kbps) reaches more viewers.',
  }
}

export const restartedNotice: Notice = {
  code: 'ladder_restarted',
  level: 'warning',
  message:
    'The program that makes the smaller qualities stopped and is being restarted; your own quality goes on. ' +
    'If this comes again and again, the server has too little CPU.',
}
