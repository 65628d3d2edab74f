import { z } from 'zod';

export interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface Series {
  readonly labels: Readonly<Record<string, string>>;
  /** Pairs of Unix seconds and value. */
  readonly points: ReadonlyArray<readonly [seconds: number, value: number]>;
}

export interface Rule {
  readonly name: string;
  /** `unknown` until it is evaluated for the first time. */
  readonly health: string;
  readonly lastError?: string | undefined;
}

export interface PrometheusClient {
  /** What an expression is now: one sample a series; none where there is no data. */
  query(expression: string): Promise<Sample[]>;
  queryRange(
    expression: string,
    range: { readonly startSeconds: number; readonly endSeconds: number; readonly stepSeconds: number },
  ): Promise<Series[]>;
  /** Those of all groups. */
  rules(): Promise<Rule[]>;
  /** The answer of any other GET of its API, for instance `/api/v1/alerts`. */
  get(path: string): Promise<unknown>;
}

const labels = z.record(z.string(), z.string());
/** Prometheus writes `NaN`, where there is nothing to divide by, and `+Inf`. */
const value = z.string().transform((text) => Number(text.replace('Inf', 'Infinity')));
const point = z.tuple([z.number(), value]);
const vectorSchema = z.object({
  data: z.discriminatedUnion('resultType', [
    z.object({
      resultType: z.literal('vector'),
      result: z.array(z.object({ metric: labels, value: point })),
    }),
    z.object({ resultType: z.literal('scalar'), result: point }),
  ]),
});
const matrixSchema = z.object({
  data: z.object({ result: z.array(z.object({ metric: labels, values: z.array(point) })) }),
});
const rulesSchema = z.object({
  data: z.object({
    groups: z.array(
      z.object({
        rules: z.array(z.object({ name: z.string(), health: z.string(), lastError: z.string().optional() })),
      }),
    ),
  }),
});

/** @see https://prometheus.io/docs/prometheus/latest/querying/api/ */
export function prometheusClient(url: string): PrometheusClient {
  async function get(path: string): Promise<unknown> {
    const answer = await fetch(`${url}${path}`);
    const body = await answer.text();
    if (!answer.ok) throw new Error(`Prometheus answered ${answer.status} to ${path}: ${body}`);
    return JSON.parse(body);
  }
  return {
    get,
    async query(expression) {
      const { data } = vectorSchema.parse(
        await get(`/api/v1/query?${new URLSearchParams({ query: expression })}`),
      );
      if (data.resultType === 'scalar') return [{ labels: {}, value: data.result[1] }];
      return data.result.map(({ metric, value }) => ({ labels: metric, value: value[1] }));
    },
    async queryRange(expression, { startSeconds, endSeconds, stepSeconds }) {
      const range = new URLSearchParams({
        query: expression,
        start: String(startSeconds),
        end: String(endSeconds),
        step: String(stepSeconds),
      });
      const { data } = matrixSchema.parse(await get(`/api/v1/query_range?${range}`));
      return data.result.map(({ metric, values }) => ({ labels: metric, points: values }));
    },
    async rules() {
      const { data } = rulesSchema.parse(await get('/api/v1/rules'));
      return data.groups.flatMap(({ rules }) => rules);
    },
  };
}
