import { creations, type Row, specWrites, statusWrites } from './row.ts';

// What the CRD says.
const NOT_AN_AMOUNT = 'must be an amount of bytes that is not negative, for example 4Gi, 512Mi or 1073741824';
const NOT_WHOLE =
  'must be whole bytes and less than 8Ei; write a fraction as a whole number of a smaller unit, for example 1536Mi, and never less than a byte such as 100m or 0.5';
const NOT_A_NODE =
  "must be the name of a Node: lower-case letters, digits, '-' and '.', for example worker-1.example.com";
const NOT_A_CLAIM =
  "must be the name of an InstanceClaim: lower-case letters, digits, '-' and '.', at most 253, for example build-42";
const EMPTY_SELECTOR =
  'must name at least one property, for example vendorID and productID; an empty selector would take any device';
const IMMUTABLE_MIGRATION = 'only decision can be changed; set decision: Abort and create another Migration';
const DECIDED = 'decision is set once and cannot be changed';
const SELF_CONFIRMING =
  'a LiveMigration or Evacuation cannot be reverted, it confirms itself; write Abort to stop it before it has Finished';
const PINNED = 'claimUID cannot be changed once it is set: a Migration belongs to one claim for good';

const FLAVOR = { vcpus: 4, memory: '8Gi' };
const MOVE = { claimName: 'web', type: 'ColdMigration', targetNodeName: 'node-2' };
const RESIZE = { ...MOVE, type: 'Resize', flavor: FLAVOR };
const LIVE = { ...MOVE, type: 'LiveMigration' };

/** The steps of api.md's chain, each with the phases that may follow. */
const NEXT: Readonly<Record<string, readonly string[]>> = {
  Pending: ['PreMigrating', 'Rejected', 'Failed'],
  PreMigrating: ['Migrating', 'Failed'],
  Migrating: ['PostMigrating', 'Failed'],
  PostMigrating: ['Finished', 'Failed'],
  Finished: ['Confirmed', 'Reverted', 'Failed'],
  Confirmed: [],
  Reverted: [],
  Rejected: [],
  Failed: [],
};

const WHY: Readonly<Record<string, string>> = {
  Pending: 'Pending can become PreMigrating, Rejected or Failed only',
  PreMigrating: 'PreMigrating can become Migrating or Failed only',
  Migrating: 'Migrating can become PostMigrating or Failed only',
  PostMigrating: 'PostMigrating can become Finished or Failed only',
  Finished: 'Finished can become Confirmed, Reverted or Failed only',
  Confirmed: 'Confirmed is final',
  Reverted: 'Reverted is final',
  Rejected: 'Rejected is final',
  Failed: 'Failed is final',
};

/** The phases before this one, so that the server lets an object get there. */
function wayTo(phase: string): string[] {
  const before = Object.keys(NEXT).find((candidate) => NEXT[candidate]?.includes(phase));
  return before === undefined ? [phase] : [...wayTo(before), phase];
}

/** Every phase against every other: what the chain names passes, all else is refused. */
function everyStep(): Row[] {
  const phases = Object.keys(NEXT);
  return phases.flatMap((from) => phases.map((to) => step(from, to)));
}

function step(from: string, to: string): Row {
  const allowed = from === to || NEXT[from]?.includes(to) === true;
  return {
    title: `${from} to ${to}`,
    spec: MOVE,
    statuses: wayTo(from).map((phase) => ({ phase })),
    change: { status: { phase: to } },
    ...(allowed ? {} : { refused: [`status.phase: Invalid value: ${WHY[from]}`] }),
  };
}

/** What a Migration may and may not be, and how it may change. */
export const MIGRATION_ROWS: readonly Row[] = [
  ...creations([
    ['a cold migration', MOVE],
    ['a resize', RESIZE],
    [
      'a resize of the devices only',
      { ...MOVE, type: 'Resize', pciRequests: [{ name: 'gpu', count: 1, alias: 'gpu' }] },
    ],
    ['a live migration', LIVE],
    ['an evacuation with limits', { ...MOVE, type: 'Evacuation', limits: { memory: '64Gi' } }],
    ['a resize that is confirmed beforehand', { ...RESIZE, decision: 'Confirm' }],
    ['a spec that is missing', undefined, 'spec: Required value'],
    [
      'nothing said',
      {},
      'spec.claimName: Required value',
      'spec.type: Required value',
      'spec.targetNodeName: Required value',
    ],
    [
      'an unknown type',
      { ...MOVE, type: 'Teleport' },
      'spec.type: Unsupported value: "Teleport": supported values: "Resize", "ColdMigration", "LiveMigration", "Evacuation"',
    ],
    [
      'an unknown decision',
      { ...MOVE, decision: 'Maybe' },
      'spec.decision: Unsupported value: "Maybe": supported values: "Confirm", "Revert", "Abort"',
    ],
    ['an empty claimName', { ...MOVE, claimName: '' }, `spec.claimName: Invalid value: "": ${NOT_A_CLAIM}`],
    [
      'a claimName with a slash',
      { ...MOVE, claimName: 'shop/web' },
      `spec.claimName: Invalid value: "shop/web": ${NOT_A_CLAIM}`,
    ],
    [
      'an empty targetNodeName',
      { ...MOVE, targetNodeName: '' },
      `spec.targetNodeName: Invalid value: "": ${NOT_A_NODE}`,
    ],
    [
      'a resize to the same',
      { ...MOVE, type: 'Resize' },
      'spec: Invalid value: a Resize needs a flavor or pciRequests; to move the instance as it is write type: ColdMigration',
    ],
    [
      'a live migration to another flavor',
      { ...LIVE, flavor: FLAVOR },
      'spec: Invalid value: a LiveMigration or Evacuation cannot change the flavor; leave flavor out, or write type: Resize',
    ],
    ['reverting a live migration', { ...LIVE, decision: 'Revert' }, `spec: Invalid value: ${SELF_CONFIRMING}`],
    ['aborting a live migration', { ...LIVE, decision: 'Abort' }],
    [
      'a flavor with half a byte',
      { ...RESIZE, flavor: { vcpus: 1, memory: '0.5' } },
      `spec.flavor.memory: Invalid value: "0.5": ${NOT_WHOLE}`,
    ],
    [
      'a flavor without vCPUs',
      { ...RESIZE, flavor: { vcpus: 0, memory: '1Gi' } },
      'spec.flavor.vcpus: Invalid value: 0: spec.flavor.vcpus in body should be greater than or equal to 1',
    ],
    [
      'a negative limit',
      { ...MOVE, limits: { disk: '-1' } },
      `spec.limits.disk: Invalid value: "-1": ${NOT_AN_AMOUNT}`,
    ],
    [
      'an empty selector',
      { ...RESIZE, pciRequests: [{ name: 'gpu', count: 1, selectors: [{}] }] },
      `spec.pciRequests[0].selectors[0]: Invalid value: ${EMPTY_SELECTOR}`,
    ],
  ]),
  ...specWrites([
    ['confirming', RESIZE, { phase: 'Pending' }, { ...RESIZE, decision: 'Confirm' }],
    ['aborting before anything happened', RESIZE, undefined, { ...RESIZE, decision: 'Abort' }],
    [
      'changing the decision',
      { ...RESIZE, decision: 'Confirm' },
      undefined,
      { ...RESIZE, decision: 'Revert' },
      `spec: Invalid value: ${DECIDED}`,
    ],
    [
      'taking the decision back',
      { ...RESIZE, decision: 'Abort' },
      undefined,
      RESIZE,
      `spec: Invalid value: ${DECIDED}`,
    ],
    [
      'reverting a live migration later',
      LIVE,
      undefined,
      { ...LIVE, decision: 'Revert' },
      `spec: Invalid value: ${SELF_CONFIRMING}`,
    ],
    [
      'another target',
      MOVE,
      undefined,
      { ...MOVE, targetNodeName: 'node-3' },
      `spec: Invalid value: ${IMMUTABLE_MIGRATION}`,
    ],
    ['another claim', MOVE, undefined, { ...MOVE, claimName: 'db' }, `spec: Invalid value: ${IMMUTABLE_MIGRATION}`],
    ['another type', MOVE, undefined, LIVE, `spec: Invalid value: ${IMMUTABLE_MIGRATION}`],
    [
      'another flavor',
      RESIZE,
      undefined,
      { ...RESIZE, flavor: { vcpus: 8, memory: '8Gi' } },
      `spec: Invalid value: ${IMMUTABLE_MIGRATION}`,
    ],
    [
      'limits that were not there',
      MOVE,
      undefined,
      { ...MOVE, limits: { memory: '64Gi' } },
      `spec: Invalid value: ${IMMUTABLE_MIGRATION}`,
    ],
    [
      'other devices',
      MOVE,
      undefined,
      { ...MOVE, pciRequests: [{ name: 'gpu', count: 1, alias: 'gpu' }] },
      `spec: Invalid value: ${IMMUTABLE_MIGRATION}`,
    ],
  ]),
  ...everyStep(),
  ...statusWrites(MOVE, [
    ['a part of a status', undefined, { token: 't' }],
    ['pinning the claim', { phase: 'Pending' }, { phase: 'PreMigrating', claimUID: 'u-1' }],
    ['pinning another claim', { claimUID: 'u-1' }, { claimUID: 'u-2' }, `status.claimUID: Invalid value: ${PINNED}`],
    ['unpinning the claim', { claimUID: 'u-1' }, {}, `status.claimUID: Invalid value: ${PINNED}`],
    [
      'beginning at the end',
      undefined,
      { phase: 'Finished' },
      'status.phase: Invalid value: Pending can become PreMigrating, Rejected or Failed only',
    ],
    ['forgetting the phase', { phase: 'Rejected' }, {}, 'status.phase: Invalid value: Rejected is final'],
    [
      'an unknown phase',
      undefined,
      { phase: 'Verifying' },
      'status.phase: Unsupported value: "Verifying": supported values: "Pending", "PreMigrating", "Migrating", "PostMigrating", "Finished", "Confirmed", "Reverted", "Rejected", "Failed"',
    ],
  ]),
];
