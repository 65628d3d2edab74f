import { KINDS, type Kind } from '../lookup/project.ts';

/** Lets the company's backends say whose the projects of a kind are. */
export function assignScopeOf(kind: Kind): string {
  return `${kind}-projects:assign`;
}

export const ASSIGN_SCOPES: ReadonlySet<string> = new Set(KINDS.map(assignScopeOf));
