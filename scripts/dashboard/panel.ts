/** Grafana's own ids of units. */
export type Unit = 'none' | 'short' | 'reqps' | 'ops' | 's' | 'd' | 'dtdurations' | 'percentunit' | 'bytes';

type Hue = 'green' | 'yellow' | 'orange' | 'red' | 'blue' | 'purple';
type Shade = 'dark' | 'semi-dark' | 'light' | 'super-light';
/** Grafana's own names. */
export type Color = Hue | `${Shade}-${Hue}` | 'text';

export interface Row {
  readonly title: string;
  readonly panels: readonly Panel[];
}

export interface Panel {
  /** Stands once on the dashboard; links to a panel go by an id that is made from it. */
  readonly title: string;
  /** What is seen; a sentence. */
  readonly shows: string;
  /** What it looks like while all is well. */
  readonly normal: string;
  /** What to do, or where to look next, when it doesn't. */
  readonly otherwise: string;
  /** Alerts in config/prometheus/alerts.yml that this panel explains. */
  readonly alerts?: readonly string[];
  /** Default `lines`. */
  readonly as?: 'lines' | 'stacked' | 'stat';
  readonly unit: Unit;
  /** Of 24 columns; a line of panels fills all of them. */
  readonly width: number;
  /** Where it is not the usual one of its kind. */
  readonly height?: number;
  readonly queries: readonly Query[];
  /** The color of the lowest values, and from which value on another counts. */
  readonly thresholds?: readonly [Color, ...Array<readonly [from: number, color: Color]>];
  /** Default: 0. `auto` where small changes of large values are what counts. */
  readonly min?: number | 'auto';
  readonly max?: number;
  /** Of series by their names; the others get Grafana's in turn. */
  readonly colors?: Readonly<Record<string, Color>>;
  /** Words in place of numbers. */
  readonly words?: Readonly<Record<number, string>>;
}

export interface Query {
  /** PromQL with Grafana's variables in it. */
  readonly expr: string;
  /** In Grafana's form: `{{label}}`. */
  readonly legend: string;
  /** The value of now alone, for what is costly to compute along a range. */
  readonly instant?: boolean;
  readonly exemplars?: boolean;
}

/** Series of the replicas that are chosen at the head of the dashboard. */
export function of(metric: string, matchers = ''): string {
  return `${metric}{job="$job",instance=~"$instance"${matchers === '' ? '' : `,${matchers}`}}`;
}

/** How fast a counter grows. */
export function perSecond(metric: string, matchers?: string): string {
  return `rate(${of(metric, matchers)}[$__rate_interval])`;
}

/** A histogram's quantile, over all chosen replicas or by a label. */
export function quantile(q: number, histogram: string, matchers?: string, by = ''): string {
  return `histogram_quantile(${q}, sum by (le${by === '' ? '' : `, ${by}`}) (${perSecond(`${histogram}_bucket`, matchers)}))`;
}

/** What there is none of yet counts as 0: a series begins with its first event. */
export function orZero(expr: string): string {
  return `(${expr} or vector(0))`;
}

/** p50, p95 and p99 of a histogram. */
export function percentiles(histogram: string, matchers?: string): Query[] {
  return [0.99, 0.95, 0.5].map((q) => ({
    expr: quantile(q, histogram, matchers),
    legend: `p${q * 100}`,
    exemplars: q === 0.99,
  }));
}

/** Of HTTP statuses: what is well, what callers did wrong, what we or Magic Hour did. */
export const STATUS_COLORS: Readonly<Record<string, Color>> = {
  200: 'green',
  304: 'blue',
  401: 'yellow',
  402: 'super-light-orange',
  404: 'purple',
  429: 'orange',
  500: 'dark-red',
  502: 'red',
  503: 'light-red',
  504: 'semi-dark-red',
  timeout: 'super-light-red',
  network: 'dark-orange',
};

/** The routes that the objectives are about. */
export const LOOKUPS = 'route=~"/v1/[a-z]+-projects/[{]id[}]"';
