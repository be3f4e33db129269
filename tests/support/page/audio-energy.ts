/** Measures in a page what a media element sounds like, where no RTP statistics tell it. */

const INTERVAL_MS = 50
const meters = new WeakMap<HTMLMediaElement, { energy: number }>()

/** Sum over time of the squared amplitude, in seconds, since the first call for this element. */
export function audioEnergyOfElement(element: HTMLMediaElement): number {
  let meter = meters.get(element)
  if (!meter) {
    meter = { energy: 0 }
    meters.set(element, meter)
    start(element, meter)
  }
  return meter.energy
}

function start(element: HTMLMediaElement, meter: { energy: number }): void {
  const context = new AudioContext()
  const analyser = context.createAnalyser()
  const source = context.createMediaElementSource(element)
  source.connect(analyser)
  // From now on the element is heard only through this graph.
  source.connect(context.destination)
  const samples = new Float32Array(analyser.fftSize)
  setInterval(() => {
    analyser.getFloatTimeDomainData(samples)
    const power = samples.reduce((sum, value) => sum + value * value, 0) / samples.length
    meter.energy += (power * INTERVAL_MS) / 1000
  }, INTERVAL_MS)
}
