/** Every safeguard of the protocol. docs/safety.md has the same table for people. */
import { LEARNING } from './learning.ts';
import { MIGRATIONS } from './migrations.ts';
import { OWNER } from './owner.ts';
import { RESTORED } from './restored.ts';
import type { Safeguard } from './safeguard.ts';
import { STEP_1 } from './step-1.ts';
import { STEP_2 } from './step-2.ts';
import { STEP_3 } from './step-3.ts';

export const SAFEGUARDS: readonly Safeguard[] = [
  ...STEP_1,
  ...STEP_2,
  ...STEP_3,
  ...OWNER,
  ...LEARNING,
  ...RESTORED,
  ...MIGRATIONS,
];
