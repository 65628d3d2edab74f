import { KINDS, type Kind } from '../lookup/project.ts';

/** Lets the company's backends say whose the projects of a kind are. */
export function assignScopeOf(kind: Kind): string {
  return `${kind}-projects:assign`;
}

const ASSIGN_SCOPES: ReadonlySet<string> = new Set(KINDS.map(assignScopeOf));

/** Of the scopes that an issuer gave, those in which its word is taken. */
export function believedScopes(
  scopes: readonly string[],
  { mayAssignOwners }: { readonly mayAssignOwners: boolean },
): string[] {
  return scopes.filter((scope) => mayAssignOwners || !ASSIGN_SCOPES.has(scope));
}
