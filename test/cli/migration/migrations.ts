/** Migrations and claims as the API server has them. */
import type {
  InstanceClaim,
  Migration,
  MigrationPhase,
  MigrationSpec,
  MigrationStatus,
} from '../../../src/api/generated/v1alpha1.ts';
import { claim } from '../../simulation/world/objects.ts';

/** A cold migration of web from node-a to node-b. */
export function migration(
  phase?: MigrationPhase,
  spec: Partial<MigrationSpec> = {},
  status: MigrationStatus = {},
): Migration {
  return {
    apiVersion: 'resourcetracker.dev/v1alpha1',
    kind: 'Migration',
    metadata: { name: 'move', namespace: 'team-a', uid: 'uid-move', resourceVersion: '1', generation: 3 },
    spec: { claimName: 'web', type: 'ColdMigration', targetNodeName: 'node-b', ...spec },
    ...((phase !== undefined || Object.keys(status).length > 0) && {
      status: { ...(phase !== undefined && { phase }), ...status },
    }),
  };
}

/** A claim called web on node-a, of 2 vCPUs, 2Gi and 20Gi. */
export function claimed(status: InstanceClaim['status'] = {}): InstanceClaim {
  const flavor = { name: 'm1.small', vcpus: 2, memory: '2Gi', rootDisk: '20Gi' };
  return {
    ...claim({ name: 'web', namespace: 'team-a' }),
    status: { phase: 'Claimed', nodeName: 'node-a', flavor, ...status },
  };
}
