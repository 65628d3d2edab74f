import { type Ask, askOf } from './lookup-world.ts';
import type { Served, TimelineRun } from './timeline.ts';
import {
  type Case,
  ERROR_RULE,
  errorWasJustMade,
  NOT_FOUND_RULE,
  notFoundIsRecent,
  RULES,
} from './timeline-rules.ts';

/** A rule that was broken, and by what. */
export class FoulError extends Error {
  override readonly name = 'FoulError';

  constructor(rule: string, facts: object) {
    const readable = (_key: string, value: unknown) =>
      isBuffer(value) ? Buffer.from(value.data).toString() : value;
    super(`${rule}: ${JSON.stringify(facts, readable, 1)}`);
  }
}

/** As `JSON.stringify` sees one. */
function isBuffer(value: unknown): value is { readonly data: number[] } {
  return typeof value === 'object' && value !== null && 'data' in value && Array.isArray(value.data);
}

/** @throws FoulError where an answer is not one that may be served at this time. */
export function judge(served: Served, run: TimelineRun): void {
  const { found } = served;
  if (found === undefined) {
    if (!errorWasJustMade(served, run)) throw new FoulError(ERROR_RULE, { served });
    return;
  }
  if (!found.answer.found) {
    if (!notFoundIsRecent(served, run)) throw new FoulError(NOT_FOUND_RULE, { served });
    return;
  }
  const ask = askBehind(served, run);
  const judged: Case = { served, run, found, answer: found.answer, ask, over: ask.over, said: ask.said };
  for (const [rule, keeps] of Object.entries(RULES)) {
    if (!keeps(judged)) throw new FoulError(rule, { served, ask });
  }
}

type Answered = Required<Ask>;

function askBehind(served: Served, { world }: TimelineRun): Answered {
  const answer = served.found?.answer;
  const ask = answer && world.asks[askOf(answer) ?? -1];
  if (ask?.over === undefined || ask.said === undefined) {
    throw new FoulError('what is served is what the upstream said', { served });
  }
  return { ...ask, over: ask.over, said: ask.said };
}
