import { draining, type RefusalGate } from './refusal-gate.ts';
import type { Handler } from './request-context.ts';

/** Lets callers go, politely, while the service stops. */
export function refuseWhen(gate: RefusalGate): Handler {
  return (_req, res, next) => {
    res.locals.gate = gate;
    const goOn = () => (gate.closed ? next(draining()) : next());
    if (gate.held === undefined) goOn();
    else gate.held.then(goOn);
  };
}
