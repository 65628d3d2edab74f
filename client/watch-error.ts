/** Why a project can't be watched, where trying again would not help. */
export class WatchError extends Error {
  override readonly name = 'WatchError';
  /** Of HTTP. */
  readonly status: number;
  /** What the service says for programs, such as `not_found`. */
  readonly code: string;
  /** Names the request to whoever runs the service. */
  readonly requestId: string | undefined;

  /** @param body as it came */
  constructor(status: number, body: unknown) {
    const text = (name: string) => {
      const value: unknown = body instanceof Object ? Reflect.get(body, name) : undefined;
      return typeof value === 'string' ? value : undefined;
    };
    super(text('message') ?? `HTTP ${status}`);
    this.status = status;
    this.code = text('code') ?? 'unknown';
    this.requestId = text('request_id');
  }
}
