/** Hides how what is refused is said in RTMP's words: the codes that OBS and players look for. */
import type { RejectCode } from '../../media/rtmp/session.ts'
import { AppError } from '../errors.ts'

/** The one application: `rtmp://HOST/live`. */
export const APP = 'live'
/** Ends an accepted publisher too. */
export const REJECTED = 'NetStream.Publish.Rejected'

const PUBLISH_CODES: Partial<Record<AppError['kind'], RejectCode>> = {
  FORBIDDEN: 'NetStream.Publish.Denied',
  CONFLICT: 'NetStream.Publish.BadName',
}
const PLAY_CODES: Partial<Record<AppError['kind'], RejectCode>> = {
  NOT_FOUND: 'NetStream.Play.StreamNotFound',
}

/** For a publisher that was not accepted. */
export function publishCode(error: AppError): RejectCode {
  return PUBLISH_CODES[error.kind] ?? REJECTED
}

export function playCode(error: AppError): RejectCode {
  return PLAY_CODES[error.kind] ?? 'NetStream.Play.Failed'
}

export function appUnknown(): AppError {
  return new AppError('INVALID', 'app_unknown', `The server address ends in /${APP}: rtmp://HOST/${APP}.`)
}

export function keyCheckTimeout(): AppError {
  return new AppError('INVALID', 'key_check_timeout', 'The server is too busy to check the key. Try again.')
}

export function internalError(): AppError {
  return new AppError('INVALID', 'internal', 'Something went wrong on the server. Try again.')
}

export function notLive(): AppError {
  return new AppError('NOT_FOUND', 'channel_not_live', 'This channel is not live.')
}

export function playersTooMany(): AppError {
  return new AppError('LIMIT', 'players_too_many', 'Too many players are connected.')
}
