/** The project's kinds for kubernetes-fluent-client, with the types that are generated from crds/. */
import { GenericKind, RegisterKind } from 'kubernetes-fluent-client';
import type {
  ComputeNodeSpec,
  ComputeNodeStatus,
  InstanceClaimSpec,
  InstanceClaimStatus,
  MigrationSpec,
  MigrationStatus,
} from '../../src/api/generated/v1alpha1.ts';
import { COMPUTE_NODES, INSTANCE_CLAIMS, MIGRATIONS } from '../../src/api/kinds.ts';

/** resourcetracker.dev/v1alpha1 ComputeNode. */
export class ComputeNode extends GenericKind {
  declare readonly spec: ComputeNodeSpec;
  declare readonly status?: ComputeNodeStatus;
}

/** resourcetracker.dev/v1alpha1 InstanceClaim. */
export class InstanceClaim extends GenericKind {
  declare readonly spec: InstanceClaimSpec;
  declare readonly status?: InstanceClaimStatus;
}

/** resourcetracker.dev/v1alpha1 Migration. */
export class Migration extends GenericKind {
  declare readonly spec: MigrationSpec;
  declare readonly status?: MigrationStatus;
}

RegisterKind(ComputeNode, COMPUTE_NODES);
RegisterKind(InstanceClaim, INSTANCE_CLAIMS);
RegisterKind(Migration, MIGRATIONS);
