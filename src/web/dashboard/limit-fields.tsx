/** The limits on incoming media as a person writes them: text fields in everyday units, empty for no limit. */
import type { ApiOutputs } from '../../client/index.ts'

type Settings = ApiOutputs['channels']['settings']
export type Limits = Settings['ingestLimits']
type CodecName = 'videoCodecs' | 'audioCodecs'
type Codec<Name extends CodecName> = NonNullable<Limits[Name]>[number]
type NumberName = Exclude<keyof Limits, CodecName>

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
const CODECS: { readonly [Name in CodecName]: readonly [Codec<Name>, string][] } = {
  videoCodecs: [
    ['h264', 'H.264'],
    ['hevc', 'HEVC'],
    ['av1', 'AV1'],
  ],
  audioCodecs: [
    ['aac', 'AAC'],
    ['opus', 'Opus'],
  ],
}

/** What stands in the fields. */
export interface LimitTexts {
  readonly numbers: Readonly<Record<NumberName, string>>
  readonly codecs: { readonly [Name in CodecName]: readonly Codec<Name>[] }
}

export function textsOf(limits: Limits, instance: Limits): LimitTexts {
  const entries = FIELDS.map(({ name, factor }) => [name, textOf(limits[name], factor)])
  const chosen = <Name extends CodecName>(name: Name): readonly Codec<Name>[] => {
    const taken = takenBy(instance, name)
    const allowed: readonly Codec<Name>[] | undefined = limits[name]
    const codecs = taken.filter(codec => allowed?.includes(codec) ?? true)
    return codecs.length > 0 ? codecs : taken
  }
  return {
    numbers: Object.fromEntries(entries),
    codecs: { videoCodecs: chosen('videoCodecs'), audioCodecs: chosen('audioCodecs') },
  }
}

/** What the server takes. */
function takenBy<Name extends CodecName>(instance: Limits, name: Name): readonly Codec<Name>[] {
  const limit: readonly Codec<Name>[] | undefined = instance[name]
  return limit ?? CODECS[name].map(([codec]) => codec)
}

/** What the API is told: null takes a limit away. All codecs that the server takes are no limit. */
export function limitsOf({ numbers, codecs }: LimitTexts, instance: Limits) {
  const value = (name: NumberName) => {
    const { factor, step } = FIELDS.find(field => field.name === name)!
    const limit = Number(numbers[name]) * factor
    return numbers[name].trim() === '' ? null : step === 'any' ? limit : Math.round(limit)
  }
  const chosen = <Name extends CodecName>(name: Name) =>
    codecs[name].length === takenBy(instance, name).length ? null : [...codecs[name]]
  return {
    maxWidth: value('maxWidth'),
    maxHeight: value('maxHeight'),
    maxFrameRate: value('maxFrameRate'),
    maxBitrateBps: value('maxBitrateBps'),
    maxKeyFrameIntervalMs: value('maxKeyFrameIntervalMs'),
    maxSessionMs: value('maxSessionMs'),
    videoCodecs: chosen('videoCodecs'),
    audioCodecs: chosen('audioCodecs'),
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
        legend="Video codecs"
        codecs={CODECS.videoCodecs}
        taken={takenBy(instance, 'videoCodecs')}
        chosen={texts.codecs.videoCodecs}
        onChange={videoCodecs => onChange({ ...texts, codecs: { ...texts.codecs, videoCodecs } })}
      />
      <CodecChoice
        legend="Audio codecs"
        codecs={CODECS.audioCodecs}
        taken={takenBy(instance, 'audioCodecs')}
        chosen={texts.codecs.audioCodecs}
        onChange={audioCodecs => onChange({ ...texts, codecs: { ...texts.codecs, audioCodecs } })}
      />
    </div>
  )
}

interface CodecChoiceProps<Each extends string> {
  readonly legend: string
  /** All there are, with their names. */
  readonly codecs: readonly (readonly [Each, string])[]
  readonly taken: readonly Each[]
  readonly chosen: readonly Each[]
  readonly onChange: (codecs: readonly Each[]) => void
}

/** The last one cannot be taken away: a channel that takes no codec takes nothing. */
function CodecChoice<Each extends string>({
  legend,
  codecs,
  taken,
  chosen,
  onChange,
}: CodecChoiceProps<Each>) {
  const toggle = (codec: Each, isChosen: boolean) =>
    onChange(taken.filter(each => (each === codec ? isChosen : chosen.includes(each))))
  return (
    <fieldset class="choice">
      <legend>{legend}</legend>
      {codecs
        .filter(([codec]) => taken.includes(codec))
        .map(([codec, name]) => (
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
