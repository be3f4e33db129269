/** Reads which small picture stands for which moment: WebVTT whose cues name a part of a sheet (`sheet.jpg#xywh=…`). */

export interface PreviewPicture {
  readonly startMs: number
  readonly endMs: number
  readonly url: string
  readonly x: number
  readonly y: number
  readonly width: number
  readonly height: number
}

/** `base`: where the text came from. What is no such cue is passed over. */
export function parseStoryboard(text: string, base: string): PreviewPicture[] {
  return text.split(/\r?\n\r?\n/).flatMap(block => {
    const lines = block.split(/\r?\n/)
    const at = lines.findIndex(line => line.includes('-->'))
    const [, start, end] = /^\s*([\d:.]+)\s+-->\s+([\d:.]+)/.exec(lines[at] ?? '') ?? []
    const [, sheet, ...place] = /^(.+)#xywh=(\d+),(\d+),(\d+),(\d+)\s*$/.exec(lines[at + 1] ?? '') ?? []
    if (!start || !end || !sheet) return []
    const [x = 0, y = 0, width = 0, height = 0] = place.map(Number)
    return [
      { startMs: timeOf(start), endMs: timeOf(end), url: new URL(sheet, base).href, x, y, width, height },
    ]
  })
}

/** The last one that begins before. */
export function pictureAt(pictures: readonly PreviewPicture[], timeMs: number): PreviewPicture | undefined {
  return pictures.findLast(each => each.startMs <= timeMs)
}

/** `mm:ss.mmm` or `hh:mm:ss.mmm`. */
function timeOf(text: string): number {
  return Math.round(text.split(':').reduce((seconds, part) => seconds * 60 + Number(part), 0) * 1000)
}
