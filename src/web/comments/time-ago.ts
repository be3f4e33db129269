/** How long ago something was, in words. */

const units = [
  ['year', 31_536_000],
  ['month', 2_592_000],
  ['week', 604_800],
  ['day', 86_400],
  ['hour', 3_600],
  ['minute', 60],
] as const
const format = new Intl.RelativeTimeFormat('en', { numeric: 'auto' })

/** `2 hours ago`, `yesterday`, `just now`. `at`: ISO 8601; `now`: milliseconds since the epoch. */
export function timeAgo(at: string, now: number): string {
  const seconds = (now - Date.parse(at)) / 1_000
  const [unit, size] = units.find(([, each]) => seconds >= each) ?? []
  return unit === undefined || size === undefined
    ? 'just now'
    : format.format(-Math.floor(seconds / size), unit)
}
