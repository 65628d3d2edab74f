/**
 * Why there was no usable response. It never carries axios's own error, which holds the request's headers and so the key.
 */
export class TransportError extends Error {
  override readonly name = 'TransportError';
  readonly problem: TransportProblem;
  /** Node's or axios's error code, such as ECONNREFUSED. */
  readonly code: string;

  constructor(problem: TransportProblem, code: string) {
    super(`${problem} (${code})`);
    this.problem = problem;
    this.code = code;
  }
}

/**
 * `stale`: a kept connection broke before anything came over it. The upstream may just have closed it while the request
 * was on its way (RFC 9112, 9.3.1), so that says nothing about the upstream.
 */
export type TransportProblem = 'network' | 'stale' | 'timeout' | 'too_large';
