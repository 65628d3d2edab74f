import { SECURITY_HEADERS } from '../../src/http/security-headers.ts';

export interface HaProxySettings {
  readonly port: number;
  readonly opsPort: number;
  readonly upstream: { readonly baseUrl: string; readonly apiKey: string };
  readonly issuer: { readonly issuer: string; readonly audience: string };
  /** The issuer's public key, PEM. */
  readonly publicKeyFile: string;
  /** Requests that one user may make in a minute. */
  readonly limit: number;
}

/**
 * The same work done by HAProxy 2.6: one thread, the token checked on each request (it has no cache for that), a count
 * for each user, answers out of its own memory, a line a request on stdout.
 *
 * Its cache neither keeps nor gives out what was asked for with `Authorization`, so that header goes before it.
 */
export function haProxyConfiguration(settings: HaProxySettings): string {
  const { port, opsPort, upstream, issuer, publicKeyFile, limit } = settings;
  // Its cache doesn't keep what has a Vary, so that one is added behind it with the rest.
  const headers = [...SECURITY_HEADERS, ['X-Request-Id', '%[unique-id]'] as const];
  return `
global
  nbthread 1
  maxconn 1000
  log stdout format raw local0 info
defaults
  mode http
  timeout connect 1s
  timeout client 60s
  timeout server 30s

cache answers
  total-max-size 64
  max-object-size 65536
  max-age 86400

frontend public
  bind 127.0.0.1:${port}
  log global
  unique-id-format %[uuid]
  log-format '{"time":"%[date,utime(%Y-%m-%dT%H:%M:%SZ)]","service":"haproxy","request_id":"%ID","method":"%HM","status":%ST,"duration_ms":%Ta,"user":"%[var(txn.sub)]"}'
  stick-table type string len 64 size 100k expire 60s store http_req_rate(60s)

  http-request set-var(txn.bearer) http_auth_bearer
  http-request deny deny_status 401 unless { var(txn.bearer) -m found }
  http-request deny deny_status 401 unless { var(txn.bearer),jwt_header_query('$.alg') -m str RS256 }
  http-request deny deny_status 401 unless { var(txn.bearer),jwt_verify("RS256","${publicKeyFile}") -m int 1 }
  http-request set-var(txn.claims) var(txn.bearer),word(2,.),ub64dec
  http-request deny deny_status 401 unless { var(txn.claims),json_query('$.iss') -m str ${issuer.issuer} }
  http-request deny deny_status 401 unless { var(txn.claims),json_query('$.aud') -m str ${issuer.audience} }
  http-request set-var(txn.now) date
  http-request deny deny_status 401 unless { var(txn.claims),json_query('$.exp','int'),sub(txn.now) -m int gt 0 }
  http-request set-var(txn.sub) var(txn.claims),json_query('$.sub')
  http-request deny deny_status 401 unless { var(txn.sub) -m found }
  http-request track-sc0 var(txn.sub)
  http-request deny deny_status 429 if { sc_http_req_rate(0) gt ${limit} }

  http-request del-header Authorization
  http-request cache-use answers
${headers.map(([name, value]) => `  http-after-response set-header ${name} "${value.replaceAll('"', '\\"')}"`).join('\n')}
  default_backend magic_hour

backend magic_hour
  http-request set-header Authorization "Bearer ${upstream.apiKey}"
  http-response wait-for-body time 5s
  http-response set-header ETag '"%[res.body,sha2(256),hex]"'
  http-response set-header Cache-Control "public, max-age=3600"
  http-response cache-store answers
  server magic_hour ${new URL(upstream.baseUrl).host}

frontend ops
  bind 127.0.0.1:${opsPort}
  http-request use-service prometheus-exporter if { path /metrics }
  http-request return status 200 if { path /healthz }
`;
}
