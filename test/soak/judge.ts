import type { Exchange } from '../support/load.ts';
import type { Fault } from './faults.ts';

/** When a fault could be felt: from its beginning until everything was seen to be healthy again. */
interface Spell {
  readonly fault: Fault;
  readonly fromMs: number;
  untilMs: number;
}

/** Tells failures that a fault explains from those that nothing does. */
export interface Judge {
  /** @returns what ends the spell */
  began(fault: Fault): () => void;
  onExchange(exchange: Exchange): void;
  /** In words; to be asked when all is over. */
  unexplained(): string[];
}

export function createJudge(): Judge {
  const spells: Spell[] = [];
  const failures: Exchange[] = [];

  function isExplained({ ending, beganAtMs, endedAtMs }: Exchange): boolean {
    // The answer to a HEAD has no body, and so no code.
    const allowed = (code: string) => code === ending || code.startsWith(`${ending} `);
    return spells.some(
      ({ fault, fromMs, untilMs }) =>
        beganAtMs <= untilMs && endedAtMs >= fromMs && fault.allows.some(allowed),
    );
  }

  return {
    began(fault) {
      const spell: Spell = { fault, fromMs: performance.now(), untilMs: Number.POSITIVE_INFINITY };
      spells.push(spell);
      return () => {
        spell.untilMs = performance.now();
      };
    },
    onExchange(exchange) {
      if (!['answered', 'left'].includes(exchange.verdict)) failures.push(exchange);
    },
    unexplained: () =>
      failures
        .filter((failure) => !isExplained(failure))
        .map(({ ending, request, beganAtMs }) => {
          const during = spells.filter(({ fromMs, untilMs }) => fromMs <= beganAtMs && beganAtMs <= untilMs);
          return `${ending}: ${request.path} (${during.map(({ fault }) => fault.name).join(', ') || 'no fault'})`;
        }),
  };
}
