import { of, orZero, perSecond, type Row } from '../panel.ts';

export const limits: Row = {
  title: 'Limits and callers',
  panels: [
    {
      title: 'Rejections by limit',
      shows:
        'Requests each second that were over a limit: `user` by RATE_LIMIT_MAX, `ip` by RATE_LIMIT_IP_MAX, `not_found` by RATE_LIMIT_NOT_FOUND_MAX, the others by the setting of their name.',
      normal: 'None, or one client gone wild for a minute.',
      otherwise:
        'Many of `ip`: is TRUST_PROXY right? Else all clients count as one address, that of the proxy.',
      alerts: ['RateLimiterRejectsUnusually'],
      as: 'stacked',
      unit: 'reqps',
      width: 8,
      queries: [
        { expr: `sum by (policy) (${perSecond('rate_limit_rejections_total')})`, legend: '{{policy}}' },
      ],
    },
    {
      title: 'Share rejected',
      shows: 'Share of requests that were over a limit.',
      normal: 'Below 1 %; 5 % for long is an alert.',
      otherwise: 'Log lines of status 429 say which user it is, by a hash.',
      alerts: ['RateLimiterRejectsUnusually'],
      unit: 'percentunit',
      width: 8,
      queries: [
        {
          expr: `${orZero(`sum(${perSecond('rate_limit_rejections_total')})`)} / sum(${perSecond('http_request_duration_seconds_count')})`,
          legend: 'rejected',
        },
      ],
      thresholds: ['green', [0.05, 'red']],
    },
    {
      title: 'Budget for Magic Hour',
      shows:
        'Share of UPSTREAM_BUDGET_MAX that is used in the window, as the replica that knows most sees it.',
      normal: 'Below 80 % at the end of each window; 0 where no budget is set.',
      otherwise: 'Look who misses so much, and whether the caches lost what they had.',
      alerts: ['UpstreamBudgetNearlyUsedUp', 'UpstreamBudgetExhausted'],
      unit: 'percentunit',
      width: 8,
      max: 1,
      queries: [{ expr: `max(${of('upstream_budget_used_ratio')})`, legend: 'used' }],
      thresholds: ['green', [0.8, 'red']],
    },
    {
      title: 'Asked for in vain',
      shows: 'Different projects each minute that users asked for and that are not there, or not theirs.',
      normal: 'Few: projects that were deleted.',
      otherwise:
        'Somebody tries ids, or a frontend goes on showing what is gone. `enumeration_suspected` in the log says which user.',
      alerts: ['ProjectsEnumerated'],
      unit: 'none',
      width: 8,
      queries: [{ expr: `sum(${perSecond('distinct_not_found_total')}) * 60`, legend: 'in vain' }],
    },
    {
      title: 'Polls at whose expense',
      shows:
        'Polls each second for streams and waits, paid by those who follow; only where RATE_LIMIT_UPSTREAM_MAX or UPSTREAM_BUDGET_MAX is set.',
      normal: 'Few beside lookups: a project is polled ever more rarely as it ages.',
      otherwise:
        '`refused`: those who follow have nothing left, and hear by webhooks or with the next window. Raise the quota, or WATCH_INTERVAL_MAX_MS.',
      alerts: ['UpstreamBudgetExhausted'],
      as: 'stacked',
      unit: 'reqps',
      width: 8,
      queries: [{ expr: `sum by (result) (${perSecond('watch_polls_total')})`, legend: '{{result}}' }],
    },
    {
      title: 'Authentication failures',
      shows: 'Callers each second who were not let in, by error code.',
      normal: 'Some `token_expired`.',
      otherwise:
        '`authentication_unavailable`: the issuer does not give its keys. `token_invalid` for many: AUTH_ISSUER or AUTH_AUDIENCE does not fit, or somebody is trying.',
      alerts: ['AuthenticationUnavailable'],
      as: 'stacked',
      unit: 'reqps',
      width: 8,
      queries: [
        { expr: `sum by (reason) (${perSecond('authentication_failures_total')})`, legend: '{{reason}}' },
      ],
    },
    {
      title: 'Logins and sessions',
      shows: 'Logins of browsers by how they ended, and access tokens of sessions exchanged, each minute.',
      normal:
        'Most logins succeed; `refused` are users who think better of it. Nothing where there are no sessions.',
      otherwise:
        '`unavailable`: the provider or Redis is away. `failed`: another secret or audience than at the provider.',
      alerts: ['SessionLoginsFail'],
      as: 'stacked',
      unit: 'none',
      width: 8,
      queries: [
        { expr: `sum by (result) (${perSecond('session_logins_total')}) * 60`, legend: 'login {{result}}' },
        {
          expr: `sum by (result) (${perSecond('session_refreshes_total')}) * 60`,
          legend: 'refresh {{result}}',
        },
      ],
    },
    {
      title: "Issuer's keys",
      shows: "Whether each replica has keys of the issuer's to judge tokens with.",
      normal: 'There, also while the issuer is away: keys that are known stay in force.',
      otherwise: 'None: nobody gets in. Can the pods reach the address in AUTH_ISSUER or AUTH_JWKS_URL?',
      alerts: ['AuthenticationUnavailable'],
      unit: 'none',
      width: 8,
      max: 1,
      words: { 0: 'none', 1: 'there' },
      queries: [{ expr: of('issuer_keys_available'), legend: '{{instance}} {{issuer}}' }],
    },
    {
      title: 'Opaque tokens',
      shows:
        'Tokens each second that the issuer was to be asked about, by what it said (AUTH_INTROSPECTION_*).',
      normal:
        '`active`: each token that is in use about once in AUTH_INTROSPECTION_CACHE_SECONDS at each replica.',
      otherwise:
        '`failed`: the issuer can not be asked. `withheld`: somebody sends made-up tokens, and it is spared them.',
      alerts: ['AuthenticationUnavailable'],
      as: 'stacked',
      unit: 'reqps',
      width: 8,
      queries: [
        { expr: `sum by (result) (${perSecond('token_introspections_total')})`, legend: '{{result}}' },
      ],
    },
  ],
};
