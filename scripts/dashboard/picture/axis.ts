import { formatValue } from './units.ts';

export interface Axis {
  readonly min: number;
  readonly max: number;
  readonly ticks: ReadonlyArray<readonly [at: number, label: string]>;
}

const MAX_TICKS = 5;
/** Share of the span that is left free around words, so that a line at one of them can be seen. */
const ROOM = 0.08;
const STEPS = { decimal: [1, 2, 2.5, 5, 10], binary: [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024] };

/** Round steps that cover the values, with what stands at each. */
export function axisOf(
  unit: string,
  [lowest, known]: readonly [number, number],
  words: Readonly<Record<string, { text: string }>> = {},
): Axis {
  const highest = known > lowest ? known : lowest + 1;
  const span = highest - lowest;
  const step = stepOf(unit, span / MAX_TICKS);
  const min = Math.floor(lowest / step) * step;
  const max = Math.ceil(highest / step - 1e-9) * step;
  const count = Math.round((max - min) / step);
  const all = Array.from({ length: count + 1 }, (_, n) => Number((min + n * step).toPrecision(12)));
  const ticks = all.map((at) => [at, formatValue(unit, at)] as const);
  const worded = Object.entries(words).map(([at, { text }]) => [Number(at), text] as const);
  if (worded.length === 0) return { min, max, ticks };
  return { min: lowest - span * ROOM, max: highest + span * ROOM, ticks: worded };
}

function stepOf(unit: string, atLeast: number): number {
  const [base, steps] = unit === 'bytes' ? [1024, STEPS.binary] : [10, STEPS.decimal];
  const magnitude = base ** Math.floor(Math.log(atLeast) / Math.log(base));
  return magnitude * (steps.find((each) => each * magnitude >= atLeast) ?? base);
}
