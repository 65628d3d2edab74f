import type { Panel, Query, Row } from '../panel.ts';

/** What is counted as bad, and of what; both are recorded by config/prometheus/alerts.yml. */
interface Objective {
  readonly bad: string;
  readonly of: string;
  readonly allowedShare: number;
}

const AVAILABILITY: Objective = {
  bad: 'job:lookups_failed:rate5m',
  of: 'job:lookups:rate5m',
  allowedShare: 0.001,
};
const LATENCY: Objective = {
  bad: 'job:lookups_slow:rate5m',
  of: 'job:lookups_answered:rate5m',
  allowedShare: 0.01,
};
const WINDOWS = ['5m', '1h', '6h', '3d'];

function burnRate({ bad, of, allowedShare }: Objective, window: string): string {
  const total = (recorded: string) => `sum_over_time(${recorded}{job="$job"}[${window}])`;
  return `${total(bad)} / ${total(of)} / ${allowedShare}`;
}

const burnRates = (objective: Objective): Query[] =>
  WINDOWS.map((window) => ({ expr: burnRate(objective, window), legend: window }));
const budgetLeft = (objective: Objective): Query[] => [
  { expr: `1 - ${burnRate(objective, '30d')}`, legend: 'left', instant: true },
];

const BURN = {
  unit: 'short',
  width: 8,
  thresholds: ['green', [6, 'orange'], [14.4, 'red']],
  normal: 'Below 1, which just uses the budget up in 30 days.',
} satisfies Partial<Panel>;
const LEFT = {
  as: 'stat',
  height: 8,
  unit: 'percentunit',
  width: 4,
  thresholds: ['red', [0, 'orange'], [0.25, 'green']],
  min: 'auto',
  normal: 'Above 25 %.',
} satisfies Partial<Panel>;

export const objectives: Row = {
  title: 'Objectives over 30 days (all replicas)',
  panels: [
    {
      ...LEFT,
      title: 'Availability budget left',
      shows: 'What is left of the 0.1 % of lookups that may fail with 5xx in 30 days.',
      otherwise: 'Hold back changes that carry a risk; below 0 the objective of 99.9 % is missed.',
      alerts: ['AvailabilityBudgetBurnsFast', 'AvailabilityBudgetBurnsSlowly'],
      queries: budgetLeft(AVAILABILITY),
    },
    {
      ...BURN,
      title: 'Availability: burn rate',
      shows: 'How many times faster than allowed lookups fail, over windows of different length.',
      otherwise:
        '14.4 over an hour uses 2 % of the budget up and wakes somebody, as does 6 over six hours. See "Errors by status".',
      alerts: ['AvailabilityBudgetBurnsFast', 'AvailabilityBudgetBurnsSlowly'],
      queries: burnRates(AVAILABILITY),
    },
    {
      ...LEFT,
      title: 'Latency budget left',
      shows: 'What is left of the 1 % of answers that may take longer than 500 ms in 30 days.',
      otherwise: 'Find out what is slow before it is gone; below 0 the objective of 99 % is missed.',
      alerts: ['LatencyBudgetBurnsFast', 'LatencyBudgetBurnsSlowly'],
      queries: budgetLeft(LATENCY),
    },
    {
      ...BURN,
      title: 'Latency: burn rate',
      shows:
        'How many times faster than allowed answers take longer than 500 ms, over windows of different length.',
      otherwise: 'See "Latency of lookups", then "Upstream duration" and "Event loop lag".',
      alerts: ['LatencyBudgetBurnsFast', 'LatencyBudgetBurnsSlowly'],
      queries: burnRates(LATENCY),
    },
  ],
};
