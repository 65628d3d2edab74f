/** One event of a stream, as https://html.spec.whatwg.org/multipage/server-sent-events.html has it. */
export interface ServerSentEvent {
  readonly type: string;
  readonly data: string;
  /** The last one that was set. */
  readonly id: string;
}

/**
 * Reads an event stream bit by bit.
 *
 * @param onRetry is told after how many milliseconds to come back
 * @returns takes the next bit, cut anywhere
 */
export function createEventParser(
  onEvent: (event: ServerSentEvent) => void,
  onRetry: (retryMs: number) => void,
): (bit: string) => void {
  let rest = '';
  let atStart = true;
  let type = '';
  let data: string[] = [];
  let id = '';

  function readLine(line: string): void {
    if (line === '') {
      if (data.length > 0) onEvent({ type: type || 'message', data: data.join('\n'), id });
      type = '';
      data = [];
      return;
    }
    const [, field = '', value = ''] = /^([^:]*)(?:: ?(.*))?$/s.exec(line) ?? [];
    if (field === 'data') data.push(value);
    else if (field === 'event') type = value;
    else if (field === 'id' && !value.includes('\0')) id = value;
    else if (field === 'retry' && /^\d+$/.test(value)) onRetry(Number(value));
  }

  return (bit) => {
    rest += bit;
    if (atStart && rest !== '') {
      rest = rest.replace(/^\uFEFF/, '');
      atStart = false;
    }
    // A CR at the very end may be the first half of a CRLF.
    const lines = rest.split(/\r\n|\n|\r(?!$)/);
    rest = lines.pop() ?? '';
    for (const line of lines) readLine(line);
  };
}
