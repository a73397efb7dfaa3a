import type { Act } from './act.ts';
import type { Person } from './people.ts';

/** Why the API server says no. */
export type Refusal =
  | { readonly by: 'RBAC' }
  /** `phrase` is part of the message. */
  | { readonly by: 'policy'; readonly policy: string; readonly phrase: string };

/** Somebody does something, and what the API server has to say to it. */
export interface Row {
  readonly who: Person;
  readonly does: string;
  readonly act: Act;
  /** Absent: it is allowed. */
  readonly refusal?: Refusal;
}

export function allowed(who: Person, does: string, act: Act): Row {
  return { who, does, act };
}

/** Refused before any policy is asked. */
export function noRight(who: Person, does: string, act: Act): Row {
  return { who, does, act, refusal: { by: 'RBAC' } };
}

/** Allowed by RBAC, refused by this rule of this policy. */
export function refused(who: Person, does: string, act: Act, policy: string, phrase: string): Row {
  return { who, does, act, refusal: { by: 'policy', policy: `resource-tracker-${policy}`, phrase } };
}
