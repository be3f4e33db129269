/** The limits on incoming media as a person writes them: text fields in everyday units, empty for no limit. */
import type { ApiOutputs } from '../../client/index.ts'

type Settings = ApiOutputs['channels']['settings']
export type Limits = Settings['ingestLimits']
type Codec = NonNullable<Limits['videoCodecs']>[number]
type NumberName = Exclude<keyof Limits, 'videoCodecs'>

interface LimitField {
  readonly name: NumberName
  readonly label: string
  readonly unit: string
  /** How many of the API's units make one of the field's. */
  readonly factor: number
  readonly min: number
  readonly max: number
  readonly step: string
}

const FIELDS: readonly LimitField[] = [
  { name: 'maxWidth', label: 'Width', unit: 'pixels', factor: 1, min: 128, max: 8_192, step: '1' },
  { name: 'maxHeight', label: 'Height', unit: 'pixels', factor: 1, min: 128, max: 8_192, step: '1' },
  { name: 'maxFrameRate', label: 'Frame rate', unit: 'fps', factor: 1, min: 5, max: 240, step: 'any' },
  { name: 'maxBitrateBps', label: 'Bitrate', unit: 'kb/s', factor: 1_000, min: 100, max: 200_000, step: '1' },
  {
    name: 'maxKeyFrameIntervalMs',
    label: 'Key frame every',
    unit: 'seconds',
    factor: 1_000,
    min: 1,
    max: 60,
    step: '0.1',
  },
  {
    name: 'maxSessionMs',
    label: 'Stream length',
    unit: 'minutes',
    factor: 60_000,
    min: 1,
    max: 7 * 24 * 60,
    step: '1',
  },
]
const CODECS: readonly [Codec, string][] = [
  ['h264', 'H.264'],
  ['hevc', 'HEVC'],
  ['av1', 'AV1'],
]

/** What stands in the fields. */
export interface LimitTexts {
  readonly numbers: Readonly<Record<NumberName, string>>
  readonly codecs: readonly Codec[]
}

export function textsOf(limits: Limits, instance: Limits): LimitTexts {
  const entries = FIELDS.map(({ name, factor }) => [name, textOf(limits[name], factor)])
  const taken = instance.videoCodecs ?? CODECS.map(([codec]) => codec)
  const codecs = taken.filter(codec => limits.videoCodecs?.includes(codec) ?? true)
  return { numbers: Object.fromEntries(entries), codecs: codecs.length > 0 ? codecs : taken }
}

/** What the API is told: null takes a limit away. All codecs that the server takes are no limit. */
export function limitsOf({ numbers, codecs }: LimitTexts, instance: Limits) {
  const value = (name: NumberName) => {
    const { factor, step } = FIELDS.find(field => field.name === name)!
    const limit = Number(numbers[name]) * factor
    return numbers[name].trim() === '' ? null : step === 'any' ? limit : Math.round(limit)
  }
  const taken = instance.videoCodecs?.length ?? CODECS.length
  return {
    maxWidth: value('maxWidth'),
    maxHeight: value('maxHeight'),
    maxFrameRate: value('maxFrameRate'),
    maxBitrateBps: value('maxBitrateBps'),
    maxKeyFrameIntervalMs: value('maxKeyFrameIntervalMs'),
    maxSessionMs: value('maxSessionMs'),
    videoCodecs: codecs.length === taken ? null : [...codecs],
  }
}

interface LimitFieldsProps {
  readonly texts: LimitTexts
  readonly instance: Limits
  readonly onChange: (texts: LimitTexts) => void
}

export function LimitFields({ texts, instance, onChange }: LimitFieldsProps) {
  const write = (name: NumberName, text: string) =>
    onChange({ ...texts, numbers: { ...texts.numbers, [name]: text } })
  return (
    <div class="limits">
      {FIELDS.map(({ name, label, unit, factor, ...bounds }) => (
        <label key={name}>
          {label}
          <span class="prefixed">
            <input
              name={name}
              type="number"
              inputMode="decimal"
              {...bounds}
              placeholder={instance[name] === undefined ? 'none' : textOf(instance[name], factor)}
              value={texts.numbers[name]}
              onInput={event => write(name, event.currentTarget.value)}
            />
            <span class="suffix">{unit}</span>
          </span>
        </label>
      ))}
      <CodecChoice
        taken={instance.videoCodecs ?? CODECS.map(([codec]) => codec)}
        chosen={texts.codecs}
        onChange={codecs => onChange({ ...texts, codecs })}
      />
    </div>
  )
}

interface CodecChoiceProps {
  readonly taken: readonly Codec[]
  readonly chosen: readonly Codec[]
  readonly onChange: (codecs: readonly Codec[]) => void
}

/** The last one cannot be taken away: a channel that takes no codec takes nothing. */
function CodecChoice({ taken, chosen, onChange }: CodecChoiceProps) {
  const toggle = (codec: Codec, isChosen: boolean) =>
    onChange(taken.filter(each => (each === codec ? isChosen : chosen.includes(each))))
  return (
    <fieldset class="choice">
      <legend>Video codecs</legend>
      {CODECS.filter(([codec]) => taken.includes(codec)).map(([codec, name]) => (
        <label key={codec}>
          <input
            type="checkbox"
            checked={chosen.includes(codec)}
            disabled={chosen.length === 1 && chosen[0] === codec}
            onChange={event => toggle(codec, event.currentTarget.checked)}
          />
          {name}
        </label>
      ))}
    </fieldset>
  )
}

function textOf(value: number | undefined, factor: number): string {
  return value === undefined ? '' : String(value / factor)
}
