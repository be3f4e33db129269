/** Writes which small picture stands for which time of a VOD: WebVTT, with media fragments as addresses. */
import type { Vod } from '../vod/service.ts'

export function writeStoryboard(
  { intervalMs, pictures, width, height, columns, rows }: NonNullable<Vod['storyboard']>,
  durationMs: number,
): string {
  const cues = Array.from({ length: pictures }, (_, index) => {
    const place = index % (columns * rows)
    const sheet = (index - place) / (columns * rows)
    const [x, y] = [(place % columns) * width, Math.floor(place / columns) * height]
    const end =
      index === pictures - 1 ? Math.max(durationMs, index * intervalMs + 1) : (index + 1) * intervalMs
    return [
      `${time(index * intervalMs)} --> ${time(end)}`,
      `storyboard-${sheet}.jpg#xywh=${x},${y},${width},${height}`,
    ].join('\n')
  })
  return `${['WEBVTT', ...cues].join('\n\n')}\n`
}

/** `HH:MM:SS.mmm`, WebVTT 4.1. */
function time(ms: number): string {
  const [hours, rest] = [Math.floor(ms / 3_600_000), new Date(ms % 3_600_000).toISOString().slice(14, 23)]
  return `${String(hours).padStart(2, '0')}:${rest}`
}
