import { change, claimStatus, claimsIn, condition, createClaim, read, remove } from './act.ts';
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
const TENANT_ADMIN = "a tenant's administrator";
const SCHEDULER = 'a scheduler';
const ADOPTER = 'an adopter';

const CLAIMS = claimsIn('team-a');
const SPEC = 'claim-spec';
const STATUS = 'claim-status';
const CLAIMED = condition('Claimed');
const GRANT = { phase: 'Claimed', nodeName: 'node-1', vmState: 'Building', conditions: [CLAIMED] };
const LOCK = { uid: 'migration-uid', sourceNodeName: 'node-1', targetNodeName: 'node-2' };

const BIND = 'takes the verb bind';
const OWN = 'an agent writes claims of its own node only';
const LOCKS = 'status.migration is set by the agent of the target';
const OWN_NODE = 'an agent claims for its own node only';

const MANIFEST_OF_A_BINDING = {
  apiVersion: 'rbac.authorization.k8s.io/v1',
  kind: 'RoleBinding',
  metadata: { name: 'help-myself' },
  roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'resource-tracker-bind' },
  subjects: [{ kind: 'User', name: TENANT_ADMIN, apiGroup: 'rbac.authorization.k8s.io' }],
};

export const CLAIM_SPEC_ROWS: readonly Row[] = [
  allowed(TENANT, 'creates a claim', createClaim({ schedulerName: 'scheduler' })),
  allowed(TENANT, 'deletes a claim', remove(CLAIMS, 'claimed')),
  allowed(TENANT, 'lists claims', read(CLAIMS)),
  allowed(TENANT, 'lets a claim wait', change(CLAIMS, 'pending', { spec: { whenInsufficient: 'Wait' } })),
  allowed(
    TENANT,
    'labels a claim that a scheduler placed',
    change(CLAIMS, 'claimed', { metadata: { labels: { a: 'b' } } }),
  ),
  allowed(TENANT, 'lets an adopted claim wait', change(CLAIMS, 'adopted', { spec: { whenInsufficient: 'Wait' } })),
  refused(TENANT, 'creates a claim on a node', createClaim({ nodeName: 'node-1' }), SPEC, BIND),
  refused(TENANT, 'places a claim', change(CLAIMS, 'unplaced', { spec: { nodeName: 'node-1' } }), SPEC, BIND),
  refused(
    TENANT,
    'takes the node of a claim away',
    change(CLAIMS, 'attempted', { spec: { nodeName: null } }),
    SPEC,
    BIND,
  ),
  refused(TENANT, 'adopts', createClaim({ adopt: true }), SPEC, 'takes the verb adopt'),
  noRight(TENANT, 'writes the status of a claim', claimStatus('claimed', { vmState: 'Active' })),
  noRight(TENANT, 'lists the claims of all namespaces', read('/apis/resourcetracker.dev/v1alpha1/instanceclaims')),
  noRight(TENANT, "creates a claim in another team's namespace", createClaim({}, 'movers')),
  noRight(TENANT_ADMIN, 'gives itself the verb bind', {
    method: 'POST',
    path: '/apis/rbac.authorization.k8s.io/v1/namespaces/team-a/rolebindings',
    body: MANIFEST_OF_A_BINDING,
  }),
  refused(TENANT_ADMIN, 'creates a claim on a node', createClaim({ nodeName: 'node-1' }), SPEC, BIND),
  allowed(VIEWER, 'lists claims', read(CLAIMS)),
  noRight(VIEWER, 'creates a claim', createClaim({})),
  noRight(VIEWER, 'deletes a claim', remove(CLAIMS, 'claimed')),
  allowed(SCHEDULER, 'creates a claim on a node', createClaim({ nodeName: 'node-1' })),
  allowed(SCHEDULER, 'places a claim', change(CLAIMS, 'unplaced', { spec: { nodeName: 'node-1' } })),
  allowed(SCHEDULER, 'takes a refused claim elsewhere', change(CLAIMS, 'attempted', { spec: { nodeName: 'node-3' } })),
  refused(
    SCHEDULER,
    'adopts on a node that it may name',
    createClaim({ nodeName: 'node-1', adopt: true }),
    SPEC,
    'takes the verb adopt',
  ),
  allowed(ADOPTER, 'adopts', createClaim({ nodeName: 'node-1', adopt: true })),
  allowed(CONTROLLER, 'deletes a finished claim', remove(CLAIMS, 'rejected')),
  noRight(CONTROLLER, 'creates a claim', createClaim({})),
  noRight(AGENT_1, 'creates a claim', createClaim({ nodeName: 'node-1' })),
  noRight(AGENT_1, 'changes the spec of a claim', change(CLAIMS, 'pending', { spec: { nodeName: 'node-1' } })),
  noRight(AGENT_1, 'deletes a claim', remove(CLAIMS, 'claimed')),
  noRight(EXECUTOR, 'deletes a claim', remove(CLAIMS, 'claimed')),
];

export const CLAIM_STATUS_ROWS: readonly Row[] = [
  allowed(AGENT_1, 'grants a claim on its node', claimStatus('pending', GRANT)),
  allowed(AGENT_1, 'refuses a claim on its node', claimStatus('pending', { phase: 'Rejected' })),
  allowed(AGENT_1, 'notes what it sees of its claim', claimStatus('claimed', { vmState: 'Active', taskState: null })),
  allowed(
    AGENT_1,
    'sets the task that its driver sees',
    claimStatus('claimed', { taskState: 'Migrating', observedTaskState: 'Migrating' }),
  ),
  allowed(AGENT_1, 'fences what its predecessor refused', claimStatus('rejected', { token: 'fresh' })),
  allowed(
    AGENT_1,
    'fences what its predecessor refused and went elsewhere',
    claimStatus('attempted', { token: 'fresh' }),
  ),
  allowed(AGENT_1, 'fences what has moved away since', claimStatus('moved', { token: 'fresh' })),
  refused(AGENT_1, 'grants what went elsewhere', claimStatus('attempted', { ...GRANT, token: 'fresh' }), STATUS, OWN),
  refused(AGENT_1, 'writes what has moved away', claimStatus('moved', { vmState: 'Error' }), STATUS, OWN),
  refused(AGENT_2, 'grants a claim on another node', claimStatus('pending', GRANT), STATUS, OWN),
  allowed(
    AGENT_2,
    'fences a claim that its predecessor may have been about to lock',
    claimStatus('claimed', { token: 'x' }),
  ),
  refused(
    AGENT_2,
    'takes a claimed claim over',
    claimStatus('claimed', { vmState: 'Error', conditions: [] }),
    STATUS,
    OWN,
  ),
  refused(AGENT_1, 'grants a claim that names no node', claimStatus('unplaced', GRANT), STATUS, OWN),
  refused(
    AGENT_1,
    "grants a claim on its node in another node's name",
    claimStatus('pending', { ...GRANT, nodeName: 'node-2' }),
    STATUS,
    OWN_NODE,
  ),
  refused(UNBOUND, 'grants a claim', claimStatus('pending', GRANT), STATUS, 'token is not bound to a node'),
  refused(UNBOUND, 'writes a claim that names no node', claimStatus('unplaced', { token: 'x' }), STATUS, 'not bound'),
  refused(
    STRANGER,
    'grants a claim, which RBAC lets it',
    claimStatus('pending', GRANT),
    STATUS,
    'is written by agents',
  ),
  refused(CLUSTER_ADMIN, 'grants a claim', claimStatus('pending', GRANT), STATUS, 'an executor writes the taskState'),

  allowed(AGENT_2, 'takes a claim for a migration to its node', claimStatus('claimed', { migration: LOCK })),
  refused(
    AGENT_2,
    'takes a claim and changes its flavor at once',
    claimStatus('claimed', { migration: LOCK, flavor: { vcpus: 9 } }),
    STATUS,
    'changes nothing else in the same write',
  ),
  refused(
    AGENT_2,
    'takes a claim from a node where it is not',
    claimStatus('claimed', { migration: { ...LOCK, sourceNodeName: 'node-3' } }),
    STATUS,
    LOCKS,
  ),
  refused(AGENT_1, 'sends its claim to another node', claimStatus('claimed', { migration: LOCK }), STATUS, LOCKS),
  refused(
    AGENT_1,
    'takes a claim that is not granted yet',
    claimStatus('pending', { migration: { ...LOCK, targetNodeName: 'node-1' } }),
    STATUS,
    LOCKS,
  ),
  allowed(
    AGENT_1,
    'takes its own claim for a resize in place',
    claimStatus('claimed', { migration: { ...LOCK, targetNodeName: 'node-1' } }),
  ),
  allowed(
    AGENT_1,
    'takes its own claim for a resize in place and notes what it sees',
    claimStatus('claimed', { migration: { ...LOCK, targetNodeName: 'node-1' }, vmState: 'Active' }),
  ),
  refused(AGENT_2, 'takes a claim that has expired', claimStatus('expired', { migration: LOCK }), STATUS, LOCKS),
  refused(
    AGENT_2,
    "takes a claim out of another node's resize",
    claimStatus('resizing', { migration: { targetNodeName: 'node-2' } }),
    STATUS,
    OWN,
  ),
  refused(
    AGENT_2,
    'changes where a migration comes from',
    claimStatus('moving', { migration: { sourceNodeName: 'node-3' } }),
    STATUS,
    'the source and target of status.migration cannot be changed',
  ),
  allowed(AGENT_2, 'moves the claim to itself as the target', claimStatus('moving', { nodeName: 'node-2' })),
  refused(
    AGENT_1,
    'moves the claim away as the source',
    claimStatus('moving', { nodeName: 'node-2' }),
    STATUS,
    OWN_NODE,
  ),
  refused(
    AGENT_1,
    'sends the migration elsewhere',
    claimStatus('moving', { migration: { targetNodeName: 'node-3' } }),
    STATUS,
    'the source and target of status.migration cannot be changed',
  ),
  allowed(AGENT_2, 'confirms as the target', claimStatus('arrived', { migration: null })),
  allowed(AGENT_2, 'reverts as the target', claimStatus('arrived', { nodeName: 'node-1', migration: null })),
  allowed(AGENT_1, 'reverts as the source', claimStatus('arrived', { nodeName: 'node-1', migration: null })),

  allowed(EXECUTOR, 'sets the task', claimStatus('moving', { taskState: 'Migrating' })),
  refused(EXECUTOR, 'sets the state', claimStatus('moving', { vmState: 'Active' }), STATUS, 'writes the taskState'),
  refused(
    EXECUTOR,
    'says what the agent saw',
    claimStatus('moving', { taskState: 'Migrating', observedTaskState: 'Migrating' }),
    STATUS,
    'writes the taskState',
  ),
  refused(
    EXECUTOR,
    'sets the task and a condition',
    claimStatus('moving', { taskState: 'Migrating', conditions: [CLAIMED, condition('NodeGone')] }),
    STATUS,
    'writes the taskState',
  ),
  allowed(
    CONTROLLER,
    'says that the node is gone',
    claimStatus('claimed', { conditions: [condition('NodeGone'), CLAIMED] }),
  ),
  allowed(
    CONTROLLER,
    'says that nobody serves the node',
    claimStatus('pending', { conditions: [condition('NodeNotServed')] }),
  ),
  refused(
    CONTROLLER,
    'says that a claim is refused',
    claimStatus('pending', { phase: 'Rejected' }),
    STATUS,
    'the controller writes the conditions',
  ),
  refused(
    CONTROLLER,
    "takes the agent's condition away",
    claimStatus('claimed', { conditions: [condition('NodeGone')] }),
    STATUS,
    'the controller writes the conditions',
  ),
  refused(
    AGENT_1,
    'says that its node is gone',
    claimStatus('claimed', { conditions: [CLAIMED, condition('NodeGone')] }),
    STATUS,
    "are the controller's",
  ),
];
