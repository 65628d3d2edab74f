import { LOOKUPS, of, orZero, type Panel, type Query, type Row } from '../panel.ts';

const AVAILABILITY = 0.999;
const LATENCY = 0.99;
const COUNT = 'http_request_duration_seconds_count';
const BUCKET = 'http_request_duration_seconds_bucket';
const WINDOWS = ['5m', '30m', '1h', '6h', '3d'];

const failed = (window: string) =>
  `${orZero(`sum(rate(${of(COUNT, `${LOOKUPS},status=~"5.."`)}[${window}]))`)} / sum(rate(${of(COUNT, LOOKUPS)}[${window}]))`;
const slow = (window: string) =>
  `1 - sum(rate(${of(BUCKET, `${LOOKUPS},le="0.5"`)}[${window}])) / sum(rate(${of(COUNT, LOOKUPS)}[${window}]))`;

const burnRates = (badShare: (window: string) => string, objective: number): Query[] =>
  WINDOWS.map((window) => ({ expr: `(${badShare(window)}) / (1 - ${objective})`, legend: window }));
const budgetLeft = (badShare: (window: string) => string, objective: number): Query[] => [
  { expr: `1 - (${badShare('30d')}) / (1 - ${objective})`, legend: 'left', instant: true },
];

const BURN = {
  unit: 'none',
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
  title: 'Objectives over 30 days',
  panels: [
    {
      ...LEFT,
      title: 'Availability budget left',
      shows: 'What is left of the 0.1 % of lookups that may fail with 5xx in 30 days.',
      otherwise: 'Hold back changes that carry a risk; below 0 the objective of 99.9 % is missed.',
      alerts: ['AvailabilityBudgetBurnsFast', 'AvailabilityBudgetBurnsSlowly'],
      queries: budgetLeft(failed, AVAILABILITY),
    },
    {
      ...BURN,
      title: 'Availability: burn rate',
      shows: 'How many times faster than allowed lookups fail, over windows of different length.',
      otherwise:
        '14.4 over an hour uses 2 % of the budget and wakes somebody; 6 over six hours, 5 %. See "Errors by status".',
      alerts: ['AvailabilityBudgetBurnsFast', 'AvailabilityBudgetBurnsSlowly'],
      queries: burnRates(failed, AVAILABILITY),
    },
    {
      ...LEFT,
      title: 'Latency budget left',
      shows: 'What is left of the 1 % of lookups that may take longer than 500 ms in 30 days.',
      otherwise: 'Find out what is slow before it is gone; below 0 the objective of 99 % is missed.',
      alerts: ['LatencyBudgetBurnsFast', 'LatencyBudgetBurnsSlowly'],
      queries: budgetLeft(slow, LATENCY),
    },
    {
      ...BURN,
      title: 'Latency: burn rate',
      shows:
        'How many times faster than allowed lookups take longer than 500 ms, over windows of different length.',
      otherwise: 'See "Latency of lookups" and "Upstream duration".',
      alerts: ['LatencyBudgetBurnsFast', 'LatencyBudgetBurnsSlowly'],
      queries: burnRates(slow, LATENCY),
    },
  ],
};
