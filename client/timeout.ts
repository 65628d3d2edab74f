/** A time limit that can be set anew while what it limits goes on. */
export interface Timeout {
  readonly signal: AbortSignal;
  readonly passed: boolean;
  /** From now on. */
  in(ms: number): void;
  /** Ends what is under way. */
  end(): void;
}

/** @param outer ends it as well */
export function createTimeout(outer: AbortSignal | undefined): Timeout {
  const controller = new AbortController();
  const { signal } = controller;
  let passed = false;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const abort = () => controller.abort(outer?.reason);
  outer?.addEventListener('abort', abort);
  return {
    signal,
    get passed() {
      return passed;
    },
    in(ms) {
      clearTimeout(timer);
      timer = setTimeout(() => {
        passed = true;
        controller.abort();
      }, ms);
    },
    end() {
      clearTimeout(timer);
      outer?.removeEventListener('abort', abort);
      controller.abort();
    },
  };
}
