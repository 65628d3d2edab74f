import { contract, type DocumentedResponse, type Listener } from './contract.ts';

/** Headers of the connection, not of the service (RFC 9110, 7.6.1 and 8.6; RFC 9112, 6.1). */
const TRANSPORT_HEADERS = new Set([
  'connection',
  'content-length',
  'date',
  'keep-alive',
  'transfer-encoding',
]);

export interface ReceivedResponse {
  readonly listener: Listener;
  readonly method: string;
  /** As requested; the query is not looked at. */
  readonly path: string;
  readonly status: number;
  readonly headers: Headers | Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

export interface ContractResponse {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Buffer;
  json(): unknown;
}

export interface ContractClient {
  /**
   * Sends a request, follows no redirect, and checks what comes back against docs/openapi.yaml.
   *
   * @param path with its query; `fetch` resolves dot segments, so use a raw socket and `validateResponse` for those.
   * @throws Error with all that the response has wrong, one line for each fault.
   */
  request(
    path: string,
    init?: Pick<RequestInit, 'method' | 'headers' | 'signal' | 'body'>,
  ): Promise<ContractResponse>;
}

/** @param baseUrl origin of the listener, such as `http://127.0.0.1:8080`. */
export function createContractClient(baseUrl: string, listener: Listener): ContractClient {
  return {
    async request(path, init = {}) {
      const url = new URL(baseUrl.replace(/\/$/, '') + path);
      const response = await fetch(url, { ...init, redirect: 'manual' });
      const { status, headers } = response;
      const body = Buffer.from(await response.arrayBuffer());
      const method = (init.method ?? 'GET').toUpperCase();
      validateResponse({ listener, method, path: url.pathname, status, headers, body });
      return { status, headers, body, json: () => JSON.parse(body.toString('utf8')) };
    },
  };
}

/**
 * Checks a response by docs/openapi.yaml: route, method, status, content type and body, each documented header, and
 * that no other header is sent but those of the connection.
 *
 * @throws Error with all faults, one line for each.
 */
export function validateResponse(response: ReceivedResponse): void {
  const { listener, method, status } = response;
  const path = response.path.replace(/\?.*$/s, '');
  const { name, operation } = contract().operationFor(listener, method, path);
  const documented = operation.responses[String(status)];
  const faults =
    documented === undefined
      ? [`status ${status} is not documented (${Object.keys(operation.responses).join(', ')} are)`]
      : faultsOf(response, documented);
  if (faults.length === 0) return;
  const heading = `${method} ${response.path} → ${status} breaks docs/openapi.yaml (${name}, ${listener} listener):`;
  throw new Error([heading, ...faults.map((fault) => `  - ${fault}`)].join('\n'));
}

function faultsOf(response: ReceivedResponse, documented: DocumentedResponse): string[] {
  const headers = new Headers(response.headers);
  const content = readContent(response, headers, documented);
  const view = { headers: Object.fromEntries(headers), ...content.json };
  return [
    ...headerFaults(headers, documented),
    ...content.faults,
    ...documented['x-rules']
      .filter(({ schema }) => contract().faultsOf(schema, view).length > 0)
      .map(({ rule }) => `rule: ${rule}`),
    ...(response.status < 400 ? [] : requestIdFaults(headers, content.json?.body)),
  ];
}

function headerFaults(headers: Headers, documented: DocumentedResponse): string[] {
  const described = Object.entries(documented.headers);
  const known = new Set([
    ...TRANSPORT_HEADERS,
    'content-type',
    ...described.map(([name]) => name.toLowerCase()),
  ]);
  const unknown = [...headers].filter(([name]) => !known.has(name));
  return [
    ...unknown.map(([name, value]) => `header ${name} is not documented: ${value}`),
    ...described.flatMap(([name, { required, schema }]) => {
      const value = headers.get(name);
      if (value === null) return required ? [`header ${name} is missing`] : [];
      return contract()
        .faultsOf(schema, typed(schema, value))
        .map((fault) => `header ${name}: ${value}: ${fault}`);
    }),
  ];
}

/** A header is text; where an integer is documented, plain digits are one. */
function typed(schema: object, value: string): string | number {
  return 'type' in schema && schema.type === 'integer' && /^\d+$/.test(value) ? Number(value) : value;
}

interface Content {
  readonly faults: readonly string[];
  /** The parsed body, where it is JSON. */
  readonly json?: { readonly body: unknown };
}

function readContent(
  { method, body }: ReceivedResponse,
  headers: Headers,
  documented: DocumentedResponse,
): Content {
  const type = headers.get('content-type');
  const types = Object.keys(documented.content);
  const empty = body.length === 0 ? [] : [`a body of ${body.length} bytes where there is none to be`];
  if (types.length === 0)
    return { faults: type === null ? empty : [...empty, `content-type is sent: ${type}`] };
  const mediaType = type?.split(';')[0]?.trim().toLowerCase() ?? 'none';
  const schema = documented.content[mediaType]?.schema;
  if (schema === undefined)
    return { faults: [`content-type is ${mediaType}, documented: ${types.join(', ')}`] };
  if (method === 'HEAD') return { faults: empty };
  const text = new TextDecoder().decode(body);
  const bodyFaults = (value: unknown) =>
    contract()
      .faultsOf(schema, value)
      .map((fault) => `body: ${fault}`);
  if (mediaType !== 'application/json') return { faults: bodyFaults(text) };
  try {
    const json: unknown = JSON.parse(text);
    return { faults: bodyFaults(json), json: { body: json } };
  } catch (error) {
    return { faults: [`body is not JSON: ${String(error)}`] };
  }
}

/** JSON Schema can't compare two values, so this one rule stands here (see the description of `request_id`). */
function requestIdFaults(headers: Headers, body: unknown): string[] {
  const id = headers.get('x-request-id');
  if (typeof body !== 'object' || body === null || !('request_id' in body)) return [];
  return body.request_id === id ? [] : [`request_id is ${String(body.request_id)}, X-Request-Id ${id}`];
}
