import { change, condition, createLease, createNode, NODES, nodeStatus, read, remove, renewLease } from './act.ts';
import { allowed, noRight, type Row, refused } from './row.ts';

const AGENT_1 = 'the agent of node-1';
const AGENT_2 = 'the agent of node-2';
const UNBOUND = 'an agent without a node';
const NAMESAKE = 'the agent of a node that is called like the controller';
const CONTROLLER = 'the controller';
const EXECUTOR = 'an executor';
const STRANGER = 'another service account on node-1';
const NODE_ADMIN = 'an administrator of nodes';
const CLUSTER_ADMIN = 'an administrator of the cluster';
const TENANT = 'a tenant';

const READY = condition('Ready');
const ALIVE = condition('AgentAlive');
const STATUS = 'node-status';
const CONTROLLERS = 'resource-tracker-controller';
const OF_NODE = 'the ComputeNode of the node that its token is bound to';

export const NODE_ROWS: readonly Row[] = [
  allowed(AGENT_2, 'creates its ComputeNode', createNode('node-2')),
  refused(AGENT_1, 'creates the ComputeNode of another node', createNode('node-2'), 'node-create', OF_NODE),
  refused(UNBOUND, 'creates a ComputeNode', createNode('node-2'), 'node-create', OF_NODE),
  refused(
    AGENT_2,
    'creates its ComputeNode with a spec',
    createNode('node-2', { unschedulable: false }),
    'node-create',
    'with an empty spec',
  ),
  noRight(AGENT_1, 'changes the spec of its ComputeNode', change(NODES, 'node-1', { spec: { unschedulable: true } })),
  noRight(AGENT_1, 'deletes its ComputeNode', remove(NODES, 'node-1')),
  allowed(NODE_ADMIN, 'creates a ComputeNode with a spec', createNode('node-3', { unschedulable: true })),
  allowed(NODE_ADMIN, 'changes the spec', change(NODES, 'node-1', { spec: { reserved: { memory: '1Gi' } } })),
  noRight(NODE_ADMIN, 'writes the status', nodeStatus('node-1', { runningInstances: 1 })),
  noRight(TENANT, 'creates a ComputeNode', createNode('node-3')),
  noRight(TENANT, 'reads ComputeNodes', read(NODES)),
  allowed(CONTROLLER, 'deletes a ComputeNode', remove(NODES, 'node-1')),
  noRight(CONTROLLER, 'changes the spec', change(NODES, 'node-1', { spec: { unschedulable: true } })),

  allowed(
    AGENT_1,
    'writes the status of its ComputeNode',
    nodeStatus('node-1', { runningInstances: 1, conditions: [condition('Ready', 'False'), ALIVE] }),
  ),
  refused(
    AGENT_2,
    'writes the status of another ComputeNode',
    nodeStatus('node-1', { runningInstances: 1 }),
    STATUS,
    'and no other',
  ),
  refused(
    UNBOUND,
    'writes the status of a ComputeNode',
    nodeStatus('node-1', { runningInstances: 1 }),
    STATUS,
    'token is not bound to a node',
  ),
  refused(
    STRANGER,
    'writes the status of a ComputeNode, which RBAC lets it',
    nodeStatus('node-1', { runningInstances: 1 }),
    STATUS,
    'is written by',
  ),
  refused(
    CLUSTER_ADMIN,
    'writes the status of a ComputeNode',
    nodeStatus('node-1', { runningInstances: 1 }),
    STATUS,
    'is written by',
  ),
  noRight(EXECUTOR, 'writes the status of a ComputeNode', nodeStatus('node-1', { runningInstances: 1 })),
  refused(
    AGENT_1,
    'says of itself that it is dead',
    nodeStatus('node-1', { conditions: [READY, condition('AgentAlive', 'False')] }),
    STATUS,
    "are the controller's",
  ),
  refused(
    AGENT_1,
    'takes AgentAlive away',
    nodeStatus('node-1', { conditions: [READY] }),
    STATUS,
    "are the controller's",
  ),
  refused(
    AGENT_1,
    'takes its whole status away',
    nodeStatus('node-1', { conditions: null, runningInstances: null }),
    STATUS,
    "are the controller's",
  ),
  refused(
    AGENT_1,
    'says that its Node exists',
    nodeStatus('node-1', { conditions: [READY, ALIVE, condition('NodeExists')] }),
    STATUS,
    "are the controller's",
  ),
  allowed(
    CONTROLLER,
    'says that an agent is dead and the node not ready',
    nodeStatus('node-1', { conditions: [condition('AgentAlive', 'False'), condition('Ready', 'False')] }),
  ),
  allowed(
    'a controller without a node',
    'says that an agent is dead: it needs no node',
    nodeStatus('node-1', { conditions: [READY, condition('AgentAlive', 'False')] }),
  ),
  allowed(
    CONTROLLER,
    'says that a Node is gone',
    nodeStatus('node-1', { conditions: [READY, ALIVE, condition('NodeExists', 'False')] }),
  ),
  refused(
    CONTROLLER,
    'writes figures',
    nodeStatus('node-1', { runningInstances: 1 }),
    STATUS,
    'the controller writes the conditions',
  ),
  refused(
    CONTROLLER,
    'writes what was not there',
    nodeStatus('node-1', { hostname: 'host' }),
    STATUS,
    'the controller writes the conditions',
  ),
  refused(
    CONTROLLER,
    "writes an agent's condition",
    nodeStatus('node-1', { conditions: [READY, ALIVE, condition('OrphansDetected')] }),
    STATUS,
    'the controller writes the conditions',
  ),

  allowed(AGENT_2, 'creates the Lease of its node', createLease('node-2')),
  allowed(AGENT_1, 'renews the Lease of its node', renewLease('node-1')),
  refused(AGENT_2, 'renews the Lease of another node', renewLease('node-1'), 'lease', 'the Lease that is named'),
  refused(AGENT_2, "creates the controller's Lease", createLease(CONTROLLERS), 'lease', 'the Lease that is named'),
  refused(NAMESAKE, 'creates the Lease of its node', createLease(CONTROLLERS), 'lease', 'the Lease that is named'),
  refused(UNBOUND, 'creates a Lease', createLease('node-2'), 'lease', 'the Lease that is named'),
  refused(
    AGENT_2,
    'creates a Lease in a namespace that a mistaken Role opens to it',
    createLease('node-2', 'movers'),
    'lease',
    'both in the namespace resource-tracker',
  ),
  noRight(AGENT_1, 'creates a Lease in a namespace of tenants', createLease('node-1', 'team-a')),
  allowed(CONTROLLER, 'creates its own Lease', createLease(CONTROLLERS)),
  refused(CONTROLLER, "creates an agent's Lease", createLease('node-2'), 'lease', 'the Lease that is named'),
  noRight(CONTROLLER, "renews an agent's Lease", renewLease('node-1')),
  noRight(TENANT, "renews an agent's Lease", renewLease('node-1')),
];
