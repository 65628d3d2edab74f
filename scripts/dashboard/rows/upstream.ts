import { of, orZero, percentiles, perSecond, type Row, STATUS_COLORS } from '../panel.ts';

const REQUESTS = 'upstream_request_duration_seconds_count';
const withStatus = (status: string) => orZero(`sum(${perSecond(REQUESTS, `status="${status}"`)})`);

export const upstream: Row = {
  title: 'Upstream: Magic Hour',
  panels: [
    {
      title: 'Upstream requests by status',
      shows: 'Attempts at Magic Hour each second, stacked by what came of them.',
      normal: '200, and 404 for ids that do not exist.',
      otherwise: '5xx, `timeout` and `network` are retried, then open the circuit: see status.magichour.ai.',
      as: 'stacked',
      unit: 'reqps',
      width: 6,
      queries: [{ expr: `sum by (status) (${perSecond(REQUESTS)})`, legend: '{{status}}' }],
      colors: STATUS_COLORS,
    },
    {
      title: 'Upstream duration',
      shows: 'How long one attempt at Magic Hour took.',
      normal: 'Level; each attempt ends at UPSTREAM_TIMEOUT_MS at the latest.',
      otherwise: 'Slow attempts hold places: see "Upstream in flight and queued".',
      unit: 's',
      width: 6,
      queries: percentiles('upstream_request_duration_seconds'),
    },
    {
      title: 'Upstream in flight and queued',
      shows: 'Requests that are at Magic Hour, and those that wait for a place.',
      normal: 'A few in flight, nothing queued. Each replica has UPSTREAM_MAX_CONCURRENCY places.',
      otherwise:
        'A queue that stays is Magic Hour being slow, or too few places or replicas. A full queue is answered 503.',
      alerts: ['UpstreamSaturated'],
      unit: 'short',
      width: 6,
      queries: [
        { expr: `sum(${of('upstream_requests_in_flight')})`, legend: 'in flight' },
        { expr: `sum(${of('upstream_requests_queued')})`, legend: 'queued' },
      ],
      thresholds: ['green', [8, 'orange']],
    },
    {
      title: 'Circuit',
      shows: 'Whether each replica has stopped asking Magic Hour because it kept failing.',
      normal: 'Closed.',
      otherwise:
        'Fresh copies are still served, all else is 503. It tries again by itself; see "Upstream requests by status".',
      alerts: ['UpstreamCircuitOpen'],
      unit: 'none',
      width: 6,
      max: 1,
      words: { 0: 'closed', 1: 'open' },
      queries: [{ expr: of('upstream_circuit_open'), legend: '{{instance}}' }],
    },
    {
      title: 'Retries and rejected keys',
      shows: "Attempts after one that failed, and answers that refused the company's key, each second.",
      normal: 'Single retries; never a rejected key.',
      otherwise:
        'A rejected key: give it one that Magic Hour takes. The next key is tried by itself where there is one.',
      alerts: ['UpstreamKeyRejected'],
      unit: 'ops',
      width: 6,
      queries: [
        { expr: `sum(${perSecond('upstream_retries_total')})`, legend: 'retries' },
        { expr: `sum(${perSecond('upstream_key_rejections_total')})`, legend: 'key rejected' },
      ],
    },
    {
      title: 'Out of credits, rate limited',
      shows: 'Answers of Magic Hour each second that say 402 (no credits left) and 429 (we ask too often).',
      normal: 'None.',
      otherwise:
        '402: top up the account. 429: see whether the hit ratio fell; other users of the same key count, too.',
      alerts: ['UpstreamCreditsExhausted', 'UpstreamRateLimited'],
      unit: 'reqps',
      width: 6,
      queries: [
        { expr: withStatus('402'), legend: '402 no credits' },
        { expr: withStatus('429'), legend: '429 rate limited' },
      ],
    },
    {
      title: 'Contract drift',
      shows:
        'Fields of bodies each second that were not as Magic Hour documents them; `other` is a field that is new.',
      normal: 'None.',
      otherwise:
        "Read Magic Hour's changelog and the documented body in docs/openapi.yaml; answers are passed on as they are.",
      alerts: ['UpstreamContractDrift'],
      as: 'stacked',
      unit: 'ops',
      width: 6,
      queries: [
        { expr: `sum by (field) (${perSecond('upstream_contract_drift_total')})`, legend: '{{field}}' },
      ],
    },
    {
      title: 'Responses withheld',
      shows: "Responses that were not sent because the company's key was in them.",
      normal: '0, always.',
      otherwise: 'Whoever made Magic Hour send it knows the key: exchange it, and purge the project.',
      alerts: ['ResponsesWithheld'],
      unit: 'none',
      width: 6,
      queries: [
        {
          expr: `sum by (instance) (increase(${of('responses_withheld_total')}[$__rate_interval]))`,
          legend: '{{instance}}',
        },
      ],
      thresholds: ['green', [1, 'red']],
    },
    {
      title: 'Webhooks',
      shows: 'Deliveries each minute, stacked by what became of them.',
      normal: 'Stored; some come twice (replayed) or late (outdated). Nothing where no webhooks are set up.',
      otherwise:
        '`bad_signature` that lasts: another secret than at Magic Hour. `unavailable`: Redis is away.',
      alerts: ['WebhookDeliveriesRefused'],
      as: 'stacked',
      unit: 'none',
      width: 24,
      queries: [
        {
          expr: `sum by (result) (${perSecond('webhook_deliveries_total')}) * 60 > 0`,
          legend: '{{result}}',
        },
      ],
    },
  ],
};
