/** Reads an MPEG-DASH manifest as a player does: every segment with its address and its place on the time line. */

export interface Element {
  readonly name: string
  readonly attributes: Readonly<Record<string, string>>
  readonly children: Element[]
  text: string
}

export interface ReadSegment {
  readonly period: string
  readonly representation: string
  readonly number: number
  /** Relative to the manifest. */
  readonly uri: string
  readonly initUri: string
  readonly timescale: number
  /** Media time and duration, in ticks. */
  readonly start: number
  readonly duration: number
  /** On the presentation's time line. */
  readonly startSeconds: number
}

/** The root element. Throws where the text is not well-formed. */
export function readXml(text: string): Element {
  const root: Element = { name: '', attributes: {}, children: [], text: '' }
  const open = [root]
  let at = 0
  for (const tag of text.matchAll(/<(\/?)([\w:]+)((?:\s+[\w:]+="[^"<]*")*)\s*(\/?)>|<\?xml [^?]*\?>/g)) {
    open.at(-1)!.text += unescaped(text.slice(at, tag.index))
    at = tag.index + tag[0].length
    const [, closing, name, attributes = '', isEmpty] = tag
    if (name === undefined) continue
    if (closing) {
      if (open.pop()!.name !== name) throw new Error(`</${name}> does not fit`)
      continue
    }
    const pairs = [...attributes.matchAll(/([\w:]+)="([^"]*)"/g)].map(([, key, value]) => [
      key!,
      unescaped(value!),
    ])
    const element: Element = { name, attributes: Object.fromEntries(pairs), children: [], text: '' }
    open.at(-1)!.children.push(element)
    if (!isEmpty) open.push(element)
  }
  if (
    open.length !== 1 ||
    root.children.length !== 1 ||
    text.slice(at).trim() !== '' ||
    /[<>]/.test(root.text)
  )
    throw new Error('not well-formed')
  return root.children[0]!
}

/** All below `element` with this name. */
export function findAll(element: Element, name: string): Element[] {
  return element.children.flatMap(child => [...(child.name === name ? [child] : []), ...findAll(child, name)])
}

export function find(element: Element, name: string): Element {
  const [found] = findAll(element, name)
  if (!found) throw new Error(`no ${name} in ${element.name}`)
  return found
}

/** Seconds of an xs:duration as Sluice writes it. */
export function secondsOf(duration: string | undefined): number {
  return Number(/^PT([\d.]+)S$/.exec(duration ?? '')?.[1])
}

export function readSegments(manifest: Element): ReadSegment[] {
  return findAll(manifest, 'Period').flatMap(period =>
    findAll(period, 'Representation').flatMap(representation => segmentsOf(period, representation)),
  )
}

function segmentsOf(period: Element, representation: Element): ReadSegment[] {
  const base = find(period, 'BaseURL').text
  const { attributes } = find(representation, 'SegmentTemplate')
  const [timescale, offset] = [Number(attributes['timescale']), Number(attributes['presentationTimeOffset'])]
  const segments: ReadSegment[] = []
  let time = Number.NaN
  for (const { attributes: run } of findAll(representation, 'S')) {
    time = run['t'] === undefined ? time : Number(run['t'])
    for (let repeat = 0; repeat <= Number(run['r'] ?? 0); repeat++) {
      const number = Number(attributes['startNumber']) + segments.length
      segments.push({
        period: period.attributes['id']!,
        representation: representation.attributes['id']!,
        number,
        uri: base + attributes['media']!.replace('$Number$', String(number)),
        initUri: base + attributes['initialization']!,
        timescale,
        start: time,
        duration: Number(run['d']),
        startSeconds: secondsOf(period.attributes['start']) + (time - offset) / timescale,
      })
      time += Number(run['d'])
    }
  }
  return segments
}

function unescaped(text: string): string {
  return text.replace(
    /&(amp|lt|gt|quot|apos);/g,
    (_, name: string) => '&<>"\''['amp lt gt quot apos'.split(' ').indexOf(name)]!,
  )
}
