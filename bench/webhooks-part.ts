import type { Part } from './part.ts';
import { count, type Goal, ms } from './report.ts';
import { markdownTable } from './support/table.ts';
import { measureWebhooks, type WebhookFigures } from './webhooks.ts';

const FULL_DELIVERIES = 1000;
const QUICK_DELIVERIES = 50;
const GOAL_MS = 100;

export const webhooks: Part = {
  name: 'webhooks',
  heading: 'Webhooks',
  async run(surroundings, { quick }) {
    const figures = await measureWebhooks(surroundings, quick ? QUICK_DELIVERIES : FULL_DELIVERIES);
    return { goals: goalsOf(figures), text: textOf(figures) };
  },
};

const quantile = (values: readonly number[], share: number) =>
  values.toSorted((a, b) => a - b)[Math.ceil(values.length * share) - 1] ?? Number.NaN;

function goalsOf({ heardMs, upstreamRequests }: WebhookFigures): Goal[] {
  return [
    {
      figure: 'from a delivery to the event at a stream of another replica, p99',
      value: ms(quantile(heardMs, 0.99)),
      goal: `≤ ${GOAL_MS} ms`,
      met: quantile(heardMs, 0.99) <= GOAL_MS,
    },
    {
      figure: 'upstream requests for that',
      value: count(upstreamRequests),
      goal: '0',
      met: upstreamRequests === 0,
    },
  ];
}

function textOf({ heardMs, answeredMs }: WebhookFigures): string {
  const row = (name: string, values: readonly number[]) => [
    name,
    ...[0.5, 0.99, 1].map((share) => ms(quantile(values, share))),
  ];
  return `\
${count(heardMs.length)} deliveries to one replica, one after the other, each of a project that a stream follows at another replica over the
same Redis. Neither polls meanwhile.

${markdownTable([['until', 'p50', 'p99', 'longest'], row('the event is at the stream', heardMs), row('the delivery is answered', answeredMs)])}`;
}
