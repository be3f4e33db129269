/** How lengths of time are written and said. */

/** `3:07`, `1:03:07`. */
export function clock(ms: number): string {
  const { hours, minutes, seconds } = partsOf(ms)
  const pad = (value: number) => String(value).padStart(2, '0')
  return hours > 0 ? `${hours}:${pad(minutes)}:${pad(seconds)}` : `${minutes}:${pad(seconds)}`
}

/** `1 hours 3 minutes`, for a screen reader. */
export function spoken(ms: number): string {
  const { hours, minutes, seconds } = partsOf(ms)
  const parts = [
    [hours, 'hours'],
    [minutes, 'minutes'],
    [seconds, 'seconds'],
  ] as const
  return (
    parts
      .filter(([value]) => value > 0)
      .map(([value, unit]) => `${value} ${unit}`)
      .join(' ') || '0 seconds'
  )
}

function partsOf(ms: number): { hours: number; minutes: number; seconds: number } {
  const seconds = Math.round(ms / 1000)
  return { hours: Math.floor(seconds / 3600), minutes: Math.floor(seconds / 60) % 60, seconds: seconds % 60 }
}
