/**
 * Every line that this service logs, in one place. docs/logs.md is made from it (`npm run logs`), the logger's type takes
 * nothing else, and tests hold each line that they see against it.
 */
export type LogLevel = 'info' | 'warn' | 'error' | 'fatal';

export type FieldType = 'string' | 'integer' | 'number' | 'boolean' | 'strings' | 'error';

export interface LogField {
  readonly type: FieldType;
  readonly meaning: string;
  /** When it is there; left out where it always is. */
  readonly when?: string;
}

export interface LogEvent {
  /** The first is the usual one. */
  readonly levels: readonly [LogLevel, ...LogLevel[]];
  /** For people, and free to change. `{name}` stands for the value of that field. */
  readonly message: string;
  readonly meaning: string;
  /** What on-call does about it. */
  readonly action: string;
  /** The heading in docs/operations.md that says more, as its anchor. */
  readonly runbook?: string;
  /** Written at every `LOG_LEVEL` but `silent`. */
  readonly audit?: true;
  readonly fields: Readonly<Record<string, LogField>>;
}

/** Of every line. */
export const COMMON_FIELDS = {
  level: { type: 'string', meaning: '`info`, `warn`, `error` or `fatal`' },
  time: { type: 'string', meaning: 'RFC 3339, UTC, with milliseconds' },
  service: { type: 'string', meaning: '`magic-hour-bff`' },
  version: { type: 'string', meaning: 'of the service' },
  event: { type: 'string', meaning: 'the name of the event: stable, for machines' },
  msg: { type: 'string', meaning: 'the message: for people, and free to change' },
} as const satisfies LogEvent['fields'];

/** Of the few that the settings name. */
const ISSUER = {
  type: 'string',
  meaning: 'its place in the settings: `AUTH_ISSUER`, `AUTH_ISSUERS[0]`, `AUTH_ISSUERS_FILE[0]`',
} as const;
const COUNT = {
  type: 'integer',
  meaning: 'how often since the last such line, this time included; there is one a minute at the most',
} as const;
const NOTHING = 'Nothing.';
const DEFECT = 'Report it with the line; `at` names places in the code, no data.';

/** Of a change of whose a project is. */
const OWNER_CHANGE = {
  change: { type: 'string', meaning: '`assigned` or `released`' },
  kind: { type: 'string', meaning: '`image`, `video` or `audio`' },
  project: { type: 'string', meaning: 'its id' },
  tenant: { type: 'string', meaning: 'the hash that stands for the tenant', when: 'it has one' },
  by: { type: 'string', meaning: 'the hash that stands for the backend that did it' },
  request_id: { type: 'string', meaning: 'what the backend was told in `X-Request-Id`' },
} as const;
const OWNER = {
  type: 'string',
  meaning: 'the hash that stands for the owner, as `user` does for who asks',
} as const;

export const LOG_EVENTS = {
  ready: {
    levels: ['info'],
    message: 'ready',
    meaning: 'Both listeners are open.',
    action: NOTHING,
    fields: {
      public: { type: 'string', meaning: 'where this machine reaches the public listener' },
      ops: { type: 'string', meaning: 'where this machine reaches the ops listener' },
    },
  },
  request: {
    levels: ['info', 'warn', 'error'],
    message: 'request',
    meaning:
      'A request to the public listener is over. `warn` where the status is 500 or more, `error` where it is a defect of this service.',
    action: 'For `code` and what it means see [errors.md](errors.md).',
    fields: {
      request_id: { type: 'string', meaning: 'what the caller was told in `X-Request-Id`' },
      method: { type: 'string', meaning: 'of HTTP' },
      route: {
        type: 'string',
        meaning: "the route's template, never the path; `unmatched` where there is none",
      },
      status: { type: 'integer', meaning: 'of HTTP; 499 where the caller left before the end' },
      duration_ms: { type: 'number', meaning: 'milliseconds from its head to its end' },
      held_ms: {
        type: 'number',
        meaning:
          'milliseconds of these for which it was held as it asked for, by `Prefer: wait` or an event stream',
        when: 'it was held',
      },
      lookup_ms: { type: 'number', meaning: 'milliseconds of the lookup alone', when: 'it came to a lookup' },
      user: { type: 'string', meaning: 'a hash that stands for the user', when: 'the token was good' },
      cache: {
        type: 'string',
        meaning: '`memory_hit`, `redis_hit`, `collapsed`, `miss` or `error`',
        when: 'it came to a lookup',
      },
      trace_id: { type: 'string', meaning: 'of W3C Trace Context', when: 'the caller sent a `traceparent`' },
      code: { type: 'string', meaning: "the error's code", when: 'it failed' },
      reason: {
        type: 'string',
        meaning: 'a few words on what exactly was wrong',
        when: 'it failed, and more is known',
      },
      error: { type: 'error', meaning: 'what it was and where', when: '`code` is `internal_error`' },
      sample_ratio: {
        type: 'number',
        meaning: 'the share of such lines that is logged: this one stands for 1 ÷ `sample_ratio` requests',
        when: 'it is a hit in memory and `LOG_HIT_SAMPLE_RATIO` is less than 1',
      },
    },
  },
  configuration_invalid: {
    levels: ['fatal'],
    message: 'the configuration is invalid: {variables}',
    meaning: 'The process ends with exit code 78. No value of a setting is in the line.',
    action: 'Mend all that it names; `npm run config:check` tells whether that is done.',
    runbook: 'what-breaks-and-what-then',
    fields: {
      variables: { type: 'strings', meaning: 'the environment variables that are wrong or missing' },
      faults: { type: 'strings', meaning: 'what is wrong, a line each' },
    },
  },
  unknown_setting: {
    levels: ['warn'],
    message: '{variable} looks like a setting of this service and is none; it has no effect',
    meaning:
      'An environment variable begins like our settings and is none of them: most likely it is misspelled.',
    action: 'Correct its name, or take it away.',
    fields: { variable: { type: 'string', meaning: 'its name; its value is not told' } },
  },
  could_not_listen: {
    levels: ['fatal'],
    message: 'could not listen at {address}: {code}',
    meaning: 'The process ends with exit code 70.',
    action:
      '`EADDRINUSE`: another process has the port. `EACCES`: a port below 1024. `EADDRNOTAVAIL`: not an address of this machine.',
    fields: {
      listener: { type: 'string', meaning: '`public` (`HOST`, `PORT`) or `ops` (`OPS_HOST`, `OPS_PORT`)' },
      address: { type: 'string', meaning: 'host and port; of the host only an IP address is told' },
      code: { type: 'string', meaning: "the system's error code" },
    },
  },
  could_not_start: {
    levels: ['fatal'],
    message: 'could not start',
    meaning: 'Something that nobody foresaw: the process ends with exit code 70.',
    action: `\`ERR_MEMORY_ALLOCATION_FAILED\` or a \`RangeError\`: lower \`CACHE_MEMORY_MAX_BYTES\`. Else: ${DEFECT}`,
    fields: { error: { type: 'error', meaning: 'what it was and where' } },
  },
  defect: {
    levels: ['fatal'],
    message: 'defect: the process stops',
    meaning: 'An error that nobody handled: the process ends with exit code 70.',
    action: DEFECT,
    fields: { error: { type: 'error', meaning: 'what it was and where' } },
  },
  stopping: {
    levels: ['info'],
    message: 'stopping',
    meaning: 'A signal came; what is in flight is finished.',
    action: NOTHING,
    runbook: 'stopping',
    fields: { signal: { type: 'string', meaning: '`SIGTERM` or `SIGINT`' } },
  },
  second_signal: {
    levels: ['warn'],
    message: 'second signal: exiting at once',
    meaning: 'What was in flight is cut off.',
    action: 'Wait longer before you send a second one.',
    runbook: 'stopping',
    fields: { signal: { type: 'string', meaning: '`SIGTERM` or `SIGINT`' } },
  },
  stopped: {
    levels: ['info'],
    message: 'stopped',
    meaning: 'The process ends with exit code 0.',
    action: 'With `finished` false: raise `SHUTDOWN_GRACE_SECONDS`.',
    runbook: 'stopping',
    fields: {
      finished: { type: 'boolean', meaning: 'whether all that was in flight was finished within the grace' },
    },
  },
  redis_not_configured: {
    levels: ['warn'],
    message: 'no Redis is configured: cache, limits and owners are of this process alone',
    meaning: 'Right for one replica, wrong for more.',
    action: 'Set `REDIS_URL` where there is more than one replica.',
    fields: {},
  },
  access_open_to_all_users: {
    levels: ['warn'],
    message: 'every signed-in user may see every project whose id they know',
    meaning: '`ACCESS_POLICY` is `authenticated`. An id is not a permission.',
    action: 'Register owners, and set `ACCESS_POLICY` to `owner` or `tenant`: [ownership.md](ownership.md).',
    fields: {},
  },
  owner_changed: {
    levels: ['info'],
    audit: true,
    message: 'a project of kind {kind} was {change}',
    meaning: "One of the company's backends said whose a project is, or that it is nobody's any more.",
    action: NOTHING,
    fields: { ...OWNER_CHANGE, owner: OWNER },
  },
  owner_change_uncertain: {
    levels: ['warn'],
    audit: true,
    message: 'a project of kind {kind} may have been {change}',
    meaning:
      'Redis was given what one of the company’s backends said of a project, and no reply came. Where it happened, the same sent again changes nothing and writes no line.',
    action: 'Where it matters, ask the registry whose the project is.',
    fields: { ...OWNER_CHANGE, owner: { ...OWNER, when: 'it was to be assigned' } },
  },
  enumeration_suspected: {
    levels: ['warn'],
    message: 'a user asked in vain for as many different projects as RATE_LIMIT_NOT_FOUND_MAX allows',
    meaning: 'Until the window ends each lookup of theirs is refused, 429.',
    action: 'Look whether they try ids, or whether a frontend shows what is deleted.',
    runbook: 'projectsenumerated',
    fields: { user: { type: 'string', meaning: 'a hash that stands for the user' } },
  },
  redis_connected: {
    levels: ['info'],
    message: 'Redis answers',
    meaning: 'For the first time, or again.',
    action: NOTHING,
    fields: {},
  },
  redis_unreachable: {
    levels: ['warn'],
    message: 'Redis can’t be reached',
    meaning: 'There is no connection. Told once for each reason, until Redis answers.',
    action: 'Mend what the reason says. For a private certificate authority set `NODE_EXTRA_CA_CERTS`.',
    runbook: 'redisdown',
    fields: {
      reason: {
        type: 'string',
        meaning:
          'a code of the system, of OpenSSL or of Redis (`ECONNREFUSED`, `CERT_HAS_EXPIRED`, `WRONGPASS`), or `timeout`, `connection_closed`, `not_connected`, `slow`, `sentinels_unreachable`',
      },
    },
  },
  redis_went_away: {
    levels: ['error'],
    message: 'Redis went away; going on without it',
    meaning: 'Redis answered before and does not now, or too slowly. Each replica goes on by itself.',
    action: 'Mend Redis; the service finds it by itself.',
    runbook: 'redisdown',
    fields: { reason: { type: 'string', meaning: 'as of `redis_unreachable`' }, count: COUNT },
  },
  issuer_keys_failed: {
    levels: ['warn'],
    message: "{issuer}: the issuer's keys could not be loaded; known ones stay in force",
    meaning: 'Users whose key is known go on, others get 503 `authentication_unavailable`.',
    action: 'Mend the issuer, or its entry in the settings: `AUTH_ISSUER`, `AUTH_JWKS_URL`, `AUTH_ISSUERS`.',
    runbook: 'authenticationunavailable',
    fields: {
      issuer: ISSUER,
      reason: {
        type: 'string',
        meaning:
          "the system's error code, `status_503` and the like, `timeout`, `not_json`, `unexpected_document`, `other_issuer`, `too_large`, `redirected`",
      },
      count: COUNT,
    },
  },
  issuer_keys_loaded: {
    levels: ['info'],
    message: "{issuer}: the issuer's keys can be loaded again",
    meaning: 'Follows `issuer_keys_failed`.',
    action: NOTHING,
    fields: { issuer: ISSUER },
  },
  issuer_keys_file_unusable: {
    levels: ['warn'],
    message: '{variable}: {reason}',
    meaning: 'The file changed, and the last good content stays in force.',
    action: 'Write a sound JWKS there.',
    runbook: 'secretfileunusable',
    fields: {
      variable: {
        type: 'string',
        meaning: '`AUTH_JWKS_FILE`, or a place in a list: `AUTH_ISSUERS[0].jwksFile`',
      },
      reason: { type: 'string', meaning: 'in words; nothing of the file' },
      count: COUNT,
    },
  },
  introspection_failed: {
    levels: ['warn'],
    message: "{issuer}: the issuer can't be asked about opaque tokens",
    meaning:
      'Users whose token it affirmed a moment ago go on, others get 503 `authentication_unavailable`. JWTs are judged as ever.',
    action:
      'Mend the issuer. `status_401`: it refuses this service; set `AUTH_INTROSPECTION_CLIENT_ID` and its secret right.',
    runbook: 'authenticationunavailable',
    fields: {
      issuer: ISSUER,
      reason: { type: 'string', meaning: 'as of `issuer_keys_failed`' },
      count: COUNT,
    },
  },
  introspection_works_again: {
    levels: ['info'],
    message: '{issuer}: the issuer can be asked about opaque tokens again',
    meaning: 'Follows `introspection_failed`.',
    action: NOTHING,
    fields: { issuer: ISSUER },
  },
  introspection_secret_file_unusable: {
    levels: ['warn'],
    message: "{variable}, the file of this service's secret at the issuer: {reason}",
    meaning: 'The file changed, and the last good secret stays in force.',
    action: 'Write the secret there, alone.',
    runbook: 'secretfileunusable',
    fields: {
      variable: {
        type: 'string',
        meaning: '`AUTH_INTROSPECTION_CLIENT_SECRET_FILE`, or a place in a list of issuers',
      },
      reason: { type: 'string', meaning: 'in words; nothing of the file' },
      count: COUNT,
    },
  },
  upstream_key_file_unusable: {
    levels: ['warn'],
    message: "{variable}, the file of the upstream's key: {reason}",
    meaning: 'The file changed, and the last good key stays in force.',
    action: 'Write the key there, alone.',
    runbook: 'secretfileunusable',
    fields: {
      variable: { type: 'string', meaning: '`MAGIC_HOUR_API_KEY_FILE` or `MAGIC_HOUR_API_KEY_NEXT_FILE`' },
      reason: { type: 'string', meaning: 'in words; nothing of the file' },
      count: COUNT,
    },
  },
  webhook_secret_file_unusable: {
    levels: ['warn'],
    message: '{variable}, the file of the webhooks’ secret: {reason}',
    meaning: 'The file changed, and the last good secret stays in force.',
    action: 'Write the secret there, alone.',
    runbook: 'secretfileunusable',
    fields: {
      variable: { type: 'string', meaning: '`WEBHOOK_SECRET_FILE` or `WEBHOOK_SECRET_NEXT_FILE`' },
      reason: { type: 'string', meaning: 'in words; nothing of the file' },
      count: COUNT,
    },
  },
  session_secret_file_unusable: {
    levels: ['warn'],
    message: '{variable}: {reason}',
    meaning: 'The file changed, and what it held last stays in force.',
    action: 'Write there what the setting asks for.',
    runbook: 'secretfileunusable',
    fields: {
      variable: { type: 'string', meaning: '`SESSION_CLIENT_SECRET_FILE` or `SESSION_ENCRYPTION_KEYS_FILE`' },
      reason: { type: 'string', meaning: 'in words; nothing of the file' },
      count: COUNT,
    },
  },
  session_keys_derived: {
    levels: ['warn'],
    message: "SESSION_ENCRYPTION_KEYS is not set: the client's secret stands in",
    meaning: 'A new secret of the client ends all sessions, and a secret that can be guessed opens them.',
    action: 'Set `SESSION_ENCRYPTION_KEYS` (or `_FILE`): [sessions.md](sessions.md#keys).',
    fields: {},
  },
  sessions_without_tls: {
    levels: ['warn'],
    message: 'SESSION_BASE_URL is http://: sessions are for trying them on this machine',
    meaning: 'Cookies and logins cross the network unprotected.',
    action: 'Set `SESSION_BASE_URL` to the https:// origin that browsers see.',
    fields: {},
  },
  login_failed: {
    levels: ['warn'],
    message: 'a login failed: {reason}',
    meaning:
      'A user came back from the identity provider, or would have gone there, and has no session. What a user refuses is none.',
    action:
      '`unknown_login` alone: nothing. Else mend what the reason names, at the provider or in `SESSION_…`.',
    runbook: 'sessionloginsfail',
    fields: {
      reason: { type: 'string', meaning: 'a code of OAuth or of the library, as of the last one' },
      count: COUNT,
    },
  },
  session_refresh_failed: {
    levels: ['warn'],
    message: 'the access token of a session could not be exchanged: {reason}',
    meaning: 'The provider, or Redis, could not be asked. While the old token is good its user goes on.',
    action: 'Mend the way to the provider.',
    runbook: 'sessionloginsfail',
    fields: {
      reason: { type: 'string', meaning: 'a code of OAuth or of the library, as of the last one' },
      count: COUNT,
    },
  },
  sessions_ended: {
    levels: ['info'],
    audit: true,
    message: 'sessions were ended: {how}',
    meaning: 'A user logged out, here or everywhere.',
    action: NOTHING,
    fields: {
      how: { type: 'string', meaning: '`logout` or `everywhere`' },
      ended: { type: 'integer', meaning: 'how many' },
      user: { type: 'string', meaning: 'a hash that stands for the user' },
    },
  },
  sessions_ended_by_provider: {
    levels: ['info'],
    audit: true,
    message: 'the identity provider ended {ended} sessions',
    meaning: 'By back-channel logout: the user signed out there, or was locked out.',
    action: NOTHING,
    fields: { ended: { type: 'integer', meaning: 'how many' } },
  },
  webhook_refused: {
    levels: ['warn'],
    message: 'a webhook was refused: {reason}',
    meaning:
      'It was not signed by one of our secrets, or too long ago; nobody need look who else calls the route.',
    action: 'If Magic Hour sent it: mend the secret, or the clock.',
    runbook: 'webhookdeliveriesrefused',
    fields: {
      reason: { type: 'string', meaning: '`bad_signature` or `bad_timestamp`, as of the last one' },
      count: COUNT,
    },
  },
  upstream_key_rejected: {
    levels: ['error'],
    message: "the upstream refused the company's key",
    meaning: 'Users get 502 `upstream_rejected_key`, unless the next key is accepted.',
    action: 'Put a new key in place.',
    runbook: 'upstreamkeyrejected',
    fields: { status: { type: 'integer', meaning: '401 or 403, as the last one said' }, count: COUNT },
  },
  upstream_key_accepted: {
    levels: ['info'],
    message: "the upstream accepts the company's key, or the next one, again",
    meaning: 'Follows `upstream_key_rejected`.',
    action: 'If it was the next key: move it over.',
    runbook: 'the-key-is-refused',
    fields: {},
  },
  upstream_circuit_opened: {
    levels: ['error'],
    message: 'the circuit to the upstream opened: it is not asked for a while',
    meaning:
      'Magic Hour failed ten times in a row. What is cached goes on, the rest is 503 `upstream_unavailable`.',
    action: "Look at Magic Hour's status; `code` and `reason` of the requests before say how it failed.",
    runbook: 'upstreamcircuitopen',
    fields: { count: COUNT },
  },
  upstream_circuit_closed: {
    levels: ['info'],
    message: 'the circuit to the upstream closed: it answers again',
    meaning: 'Follows `upstream_circuit_opened`.',
    action: NOTHING,
    fields: {},
  },
  tracing_started: {
    levels: ['info'],
    message: 'requests are traced',
    meaning: '`OTEL_EXPORTER_OTLP_ENDPOINT` is set.',
    action: NOTHING,
    fields: {
      collector: { type: 'string', meaning: 'where spans are sent to, without a path' },
      sampler: { type: 'string', meaning: '`OTEL_TRACES_SAMPLER`' },
    },
  },
  spans_not_exported: {
    levels: ['warn'],
    message: 'the collector takes no spans: {reason}',
    meaning: 'Spans are dropped; no request waits for it or fails.',
    action: 'Mend the collector, or `OTEL_EXPORTER_OTLP_ENDPOINT`, `OTEL_EXPORTER_OTLP_HEADERS`.',
    fields: {
      reason: {
        type: 'string',
        meaning: "a status of HTTP, the system's error code, or the exporter's own words",
      },
      count: COUNT,
    },
  },
  spans_exported: {
    levels: ['info'],
    message: 'the collector takes spans again',
    meaning: 'Follows `spans_not_exported`.',
    action: NOTHING,
    fields: {},
  },
  project_purged: {
    levels: ['info'],
    message: 'project purged from the cache',
    meaning: 'Somebody asked for it at the ops listener.',
    action: NOTHING,
    fields: { kind: { type: 'string', meaning: '`image`; which project is not told' } },
  },
} as const satisfies Record<string, LogEvent>;

export type LogEvents = typeof LOG_EVENTS;
export type EventName = keyof LogEvents;
