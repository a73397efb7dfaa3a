import { change, condition, createClaim, createMigration, migrationStatus, migrationsIn, read, remove } from './act.ts';
import { allowed, noRight, type Row, refused } from './row.ts';

const AGENT_1 = 'the agent of node-1';
const AGENT_2 = 'the agent of node-2';
const UNBOUND = 'an agent without a node';
const CONTROLLER = 'the controller';
const EXECUTOR = 'an executor';
const STRANGER = 'another service account on node-1';
const CLUSTER_ADMIN = 'an administrator of the cluster';
const TENANT = 'a tenant';
const VIEWER = 'a tenant who may only view';
const MOVER = 'a mover';
const COLLECTOR = "Kubernetes' garbage collector";

const MIGRATIONS = migrationsIn('team-a');
const SPEC = 'migration-spec';
const IN_PLACE = 'resize-in-place';
const OWNER = 'migration-owner';
const STATUS = 'migration-status';

const NOT_A_RESIZE = 'take the verb migrate on instanceclaims: write type: Resize';
const MOVES = 'this Resize moves the instance to another node';
const ELSEWHERE = 'a resize to another node takes the verb migrate';
const OWN = 'an agent writes Migrations of its own node only';
const PHASES = 'an executor writes the phases';

const LIVE = { claimName: 'claimed', type: 'LiveMigration', targetNodeName: 'node-2', flavor: undefined };
const OWNER_REFERENCE = {
  apiVersion: 'resourcetracker.dev/v1alpha1',
  kind: 'InstanceClaim',
  name: 'claimed',
  uid: '3f0c1d7e-9a52-4c5b-8f57-0d3b6a1e2c44',
};

function decide(name: string, decision: string) {
  return change(MIGRATIONS, name, { spec: { decision } });
}

function own(name: string) {
  return change(MIGRATIONS, name, { metadata: { ownerReferences: [OWNER_REFERENCE] } });
}

function keep(name: string) {
  return change(MIGRATIONS, name, { metadata: { finalizers: ['example.com/never'] } });
}

export const MIGRATION_SPEC_ROWS: readonly Row[] = [
  allowed(TENANT, 'resizes in place', createMigration({ claimName: 'claimed', targetNodeName: 'node-1' })),
  refused(
    TENANT,
    'resizes to another node',
    createMigration({ claimName: 'claimed', targetNodeName: 'node-2' }),
    IN_PLACE,
    ELSEWHERE,
  ),
  refused(
    TENANT,
    'resizes where the instance was once',
    createMigration({ claimName: 'moved', targetNodeName: 'node-1' }),
    IN_PLACE,
    ELSEWHERE,
  ),
  refused(
    TENANT,
    'resizes what is not claimed yet',
    createMigration({ claimName: 'pending', targetNodeName: 'node-1' }),
    IN_PLACE,
    'wait until claim ',
  ),
  refused(
    TENANT,
    'migrates cold to the node where the instance is',
    createMigration({ claimName: 'claimed', targetNodeName: 'node-1', type: 'ColdMigration' }),
    SPEC,
    NOT_A_RESIZE,
  ),
  refused(TENANT, 'migrates live', createMigration(LIVE), SPEC, NOT_A_RESIZE),
  refused(TENANT, 'evacuates', createMigration({ ...LIVE, type: 'Evacuation' }), SPEC, NOT_A_RESIZE),
  allowed(TENANT, 'confirms its resize', decide('resize-finished', 'Confirm')),
  allowed(TENANT, 'reverts its resize', decide('resize-finished', 'Revert')),
  allowed(TENANT, 'aborts its resize before it is taken up', decide('resize', 'Abort')),
  refused(TENANT, "aborts an administrator's migration", decide('moving', 'Abort'), SPEC, NOT_A_RESIZE),
  refused(
    TENANT,
    "aborts an administrator's resize before it is taken up",
    decide('resize-away', 'Abort'),
    IN_PLACE,
    ELSEWHERE,
  ),
  refused(TENANT, "reverts an administrator's resize", decide('resize-away-finished', 'Revert'), SPEC, MOVES),
  allowed(TENANT, 'deletes its resize', remove(MIGRATIONS, 'resize')),
  allowed(TENANT, 'deletes a migration that has ended', remove(MIGRATIONS, 'failed')),
  refused(TENANT, "deletes an administrator's migration", remove(MIGRATIONS, 'moving'), SPEC, NOT_A_RESIZE),
  refused(TENANT, "deletes an administrator's resize", remove(MIGRATIONS, 'resize-away-finished'), SPEC, MOVES),
  refused(
    TENANT,
    "deletes an administrator's resize that is not taken up",
    remove(MIGRATIONS, 'resize-away'),
    IN_PLACE,
    ELSEWHERE,
  ),
  refused(TENANT, "gives an administrator's migration an owner that is not there", own('moving'), SPEC, NOT_A_RESIZE),
  allowed(
    TENANT,
    "labels an administrator's migration",
    change(MIGRATIONS, 'moving', { metadata: { labels: { a: 'b' } } }),
  ),
  noRight(TENANT, 'writes the status', migrationStatus('resize', { phase: 'PreMigrating' })),
  refused(TENANT, "gives an administrator's early resize an owner", own('resize-away'), IN_PLACE, ELSEWHERE),
  refused(TENANT, "keeps an administrator's migration from going", keep('moving'), SPEC, NOT_A_RESIZE),
  refused(TENANT, "keeps an administrator's early resize from going", keep('resize-away'), IN_PLACE, ELSEWHERE),
  allowed(TENANT, 'decides about a resize in place before the move', decide('resize-long-ago', 'Confirm')),
  refused(
    TENANT,
    "decides about an administrator's migration that has ended",
    decide('failed', 'Abort'),
    SPEC,
    NOT_A_RESIZE,
  ),
  refused(
    TENANT,
    "decides about an administrator's resize that has ended",
    decide('resize-away-confirmed', 'Abort'),
    SPEC,
    MOVES,
  ),
  allowed(TENANT, 'deletes a resize that has ended', remove(MIGRATIONS, 'resize-away-confirmed')),
  refused(
    TENANT,
    'decides about a resize that never began',
    decide('resize-away-rejected', 'Abort'),
    IN_PLACE,
    ELSEWHERE,
  ),
  allowed(TENANT, 'deletes a resize that never began', remove(MIGRATIONS, 'resize-away-rejected')),
  allowed(COLLECTOR, "deletes an administrator's migration", remove(MIGRATIONS, 'moving')),
  allowed(COLLECTOR, "deletes an administrator's early resize", remove(MIGRATIONS, 'resize-away')),
  allowed(VIEWER, 'lists migrations', read(MIGRATIONS)),
  noRight(VIEWER, 'resizes in place', createMigration({ claimName: 'claimed', targetNodeName: 'node-1' })),
  allowed(MOVER, 'migrates live', createMigration(LIVE)),
  allowed(MOVER, 'resizes to another node', createMigration({ claimName: 'claimed', targetNodeName: 'node-2' })),
  allowed(MOVER, 'aborts a migration', decide('moving', 'Abort')),
  allowed(MOVER, 'deletes a migration', remove(MIGRATIONS, 'moving')),
  noRight(EXECUTOR, 'migrates live', createMigration(LIVE)),
  noRight(AGENT_1, 'resizes in place', createMigration({ claimName: 'claimed', targetNodeName: 'node-1' })),
  noRight(AGENT_1, 'deletes a migration', remove(MIGRATIONS, 'resize')),
  noRight(CONTROLLER, 'decides', decide('resize-finished', 'Confirm')),

  allowed(AGENT_1, 'makes the claim the owner, as the target', own('resize')),
  refused(
    AGENT_2,
    'makes the claim the owner, of a migration that is not to its node',
    own('resize'),
    OWNER,
    'only the agent of the target',
  ),
  refused(UNBOUND, 'makes the claim the owner', own('resize'), OWNER, 'only the agent of the target'),
  refused(AGENT_1, 'decides', decide('resize-finished', 'Confirm'), OWNER, 'leaves spec and finalizers'),
  refused(
    AGENT_1,
    'keeps a migration from going',
    change(MIGRATIONS, 'resize', { metadata: { finalizers: ['example.com/never'] } }),
    OWNER,
    'leaves spec and finalizers',
  ),
];

export const MIGRATION_STATUS_ROWS: readonly Row[] = [
  allowed(
    AGENT_2,
    'takes up what is to come to its node',
    migrationStatus('resize-away', { phase: 'PreMigrating', sourceNodeName: 'node-1' }),
  ),
  allowed(AGENT_2, 'reports the move as the target', migrationStatus('moving', { phase: 'Migrating' })),
  allowed(AGENT_1, 'reports the move as the source', migrationStatus('moving', { phase: 'Migrating' })),
  refused(
    AGENT_2,
    'writes what stays on another node',
    migrationStatus('resize-finished', { phase: 'Failed' }),
    STATUS,
    OWN,
  ),
  refused(
    AGENT_1,
    'takes up what is to come to another node',
    migrationStatus('resize-away', { phase: 'PreMigrating' }),
    STATUS,
    OWN,
  ),
  refused(
    UNBOUND,
    'writes a migration',
    migrationStatus('moving', { phase: 'Failed' }),
    STATUS,
    'token is not bound to a node',
  ),
  refused(
    AGENT_2,
    'changes the source',
    migrationStatus('moving', { sourceNodeName: 'node-3' }),
    STATUS,
    'sourceNodeName cannot be changed',
  ),
  refused(
    STRANGER,
    'writes a migration, which RBAC lets it',
    migrationStatus('moving', { phase: 'Failed' }),
    STATUS,
    'is written by',
  ),
  allowed(EXECUTOR, 'says that the instance moves', migrationStatus('moving', { phase: 'Migrating' })),
  allowed(EXECUTOR, 'says that it failed', migrationStatus('moving', { phase: 'Failed' })),
  allowed(
    EXECUTOR,
    'says why it failed',
    migrationStatus('moving', { phase: 'Failed', conditions: [condition('Executed', 'False')] }),
  ),
  refused(
    EXECUTOR,
    'says that the target holds for it',
    migrationStatus('moving', { phase: 'Migrating', conditions: [condition('Executed'), condition('Claimed')] }),
    STATUS,
    PHASES,
  ),
  refused(
    EXECUTOR,
    'says something before it has begun',
    migrationStatus('moving', { conditions: [condition('Executed', 'False')] }),
    STATUS,
    PHASES,
  ),
  refused(
    EXECUTOR,
    'says that it is held on the target',
    migrationStatus('resize', { phase: 'PreMigrating' }),
    STATUS,
    PHASES,
  ),
  refused(
    EXECUTOR,
    'says that it is confirmed',
    migrationStatus('resize-finished', { phase: 'Confirmed' }),
    STATUS,
    PHASES,
  ),
  refused(
    EXECUTOR,
    'writes the flavor',
    migrationStatus('moving', { phase: 'Migrating', targetHostname: 'x' }),
    STATUS,
    PHASES,
  ),
  refused(
    EXECUTOR,
    'changes the token',
    migrationStatus('moving', { phase: 'Migrating', token: 'second' }),
    STATUS,
    PHASES,
  ),
  refused(
    CLUSTER_ADMIN,
    'confirms by hand',
    migrationStatus('resize-finished', { phase: 'Confirmed' }),
    STATUS,
    PHASES,
  ),
  allowed(
    CONTROLLER,
    'says that nobody serves the target',
    migrationStatus('moving', { conditions: [condition('NodeNotServed')] }),
  ),
  refused(CONTROLLER, 'ends a migration', migrationStatus('moving', { phase: 'Failed' }), STATUS, 'and nothing else'),
  refused(
    CONTROLLER,
    'says how a migration ended',
    migrationStatus('moving', { conditions: [condition('Succeeded')] }),
    STATUS,
    'and nothing else',
  ),
  refused(
    AGENT_2,
    'says that nobody serves its node',
    migrationStatus('moving', { conditions: [condition('NodeNotServed')] }),
    STATUS,
    "the controller's",
  ),
  refused(
    EXECUTOR,
    'says that nobody serves the target',
    migrationStatus('moving', { conditions: [condition('NodeNotServed')] }),
    STATUS,
    PHASES,
  ),
];

const CAPS = 'claim-caps';
const SMALL = { vcpus: 4, memory: '8Gi', rootDisk: '60Gi', ephemeralDisk: '40Gi' };
const SHORT = { flavor: SMALL, expirationSeconds: 600 };
const GPU = { name: 'gpu', count: 1, alias: 'gpu' };
const RESIZE = { claimName: 'claimed', targetNodeName: 'node-1' };

function byReference(namespace: string) {
  return createClaim({ flavor: undefined, flavorRef: { kind: 'VirtualMachineInstancetype', name: 'huge' } }, namespace);
}

export const CAP_ROWS: readonly Row[] = [
  allowed(TENANT, 'creates a claim up to all caps', createClaim({ ...SHORT, pciRequests: [GPU] }, 'capped')),
  refused(
    TENANT,
    'asks for too many vCPUs',
    createClaim({ ...SHORT, flavor: { ...SMALL, vcpus: 5 } }, 'capped'),
    CAPS,
    'vcpus: a claim',
  ),
  refused(
    TENANT,
    'asks for too much memory',
    createClaim({ ...SHORT, flavor: { ...SMALL, memory: '8193Mi' } }, 'capped'),
    CAPS,
    'memory: a claim',
  ),
  refused(
    TENANT,
    'asks for too much memory in plain bytes',
    createClaim({ ...SHORT, flavor: { ...SMALL, memory: 8589934593 } }, 'capped'),
    CAPS,
    'memory: a claim',
  ),
  refused(
    TENANT,
    'asks for too much disk in all',
    createClaim({ ...SHORT, flavor: { ...SMALL, rootDisk: '61Gi' } }, 'capped'),
    CAPS,
    'disk: a claim',
  ),
  refused(
    TENANT,
    'asks for too many devices in all',
    createClaim({ ...SHORT, pciRequests: [GPU, { ...GPU, name: 'other' }] }, 'capped'),
    CAPS,
    'PCI devices: a claim',
  ),
  refused(TENANT, 'holds for ever', createClaim({ flavor: SMALL }, 'capped'), CAPS, 'expirationSeconds: a claim'),
  refused(
    TENANT,
    'holds for too long',
    createClaim({ ...SHORT, expirationSeconds: 601 }, 'capped'),
    CAPS,
    'expirationSeconds: a claim',
  ),
  allowed('an adopter', 'adopts what needs no time to come', createClaim({ flavor: SMALL, adopt: true }, 'capped')),
  refused(
    'an adopter',
    'adopts more than the cap',
    createClaim({ flavor: { ...SMALL, vcpus: 5 }, adopt: true }, 'capped'),
    CAPS,
    'vcpus: a claim',
  ),
  refused(TENANT, 'hides the vCPUs behind an instancetype', byReference('vcpus-capped'), CAPS, 'cannot be measured'),
  refused(TENANT, 'hides the memory behind an instancetype', byReference('memory-capped'), CAPS, 'cannot be measured'),
  allowed(TENANT, 'names an instancetype where there are no caps', byReference('team-a')),
  refused(
    TENANT,
    'creates a claim under a memory cap that cannot be read',
    createClaim({}, 'worse-capped'),
    CAPS,
    'cannot be read',
  ),
  allowed(TENANT, 'resizes up to the caps', createMigration({ ...RESIZE, flavor: SMALL }, 'capped')),
  refused(
    TENANT,
    'resizes beyond the caps',
    createMigration({ ...RESIZE, flavor: { ...SMALL, vcpus: 5 } }, 'capped'),
    CAPS,
    'vcpus: a claim',
  ),
  refused(
    TENANT,
    'creates a claim under caps that cannot be read',
    createClaim({}, 'badly-capped'),
    CAPS,
    'cannot be read',
  ),
  allowed(TENANT, 'creates a big claim where there are no caps', createClaim({ flavor: { vcpus: 64, memory: '1Ti' } })),
];
