const BYTES = ['B', 'KiB', 'MiB', 'GiB'];
const NUMBERS = ['', ' K', ' Mil'];

/** A value as Grafana writes it in one of the dashboard's units. */
export function formatValue(unit: string, value: number): string {
  switch (unit) {
    case 'bytes':
      return scaled(
        value,
        1024,
        BYTES.map((each) => ` ${each}`),
      );
    case 's':
      return seconds(value);
    case 'd':
      return `${rounded(value)} ${rounded(value) === '1' ? 'day' : 'days'}`;
    case 'dtdurations':
      return value < 60
        ? `${Math.round(value)} s`
        : `${Math.floor(value / 60)} min ${Math.round(value % 60)} s`;
    case 'percentunit':
      return `${rounded(value * 100)}%`;
    case 'reqps':
      return `${scaled(value, 1000, NUMBERS)} req/s`;
    case 'ops':
      return `${scaled(value, 1000, NUMBERS)} ops/s`;
    default:
      return scaled(value, 1000, NUMBERS);
  }
}

function seconds(value: number): string {
  if (value === 0 || Math.abs(value) >= 1) return `${rounded(value)} s`;
  return Math.abs(value) >= 0.001 ? `${rounded(value * 1000)} ms` : `${rounded(value * 1e6)} µs`;
}

function scaled(value: number, factor: number, names: readonly string[]): string {
  let [rest, at] = [value, 0];
  while (Math.abs(rest) >= factor && at < names.length - 1) {
    rest /= factor;
    at += 1;
  }
  return `${rounded(rest)}${names[at]}`;
}

/** Three digits that say something. */
function rounded(value: number): string {
  return `${Number(value.toPrecision(3))}`;
}
