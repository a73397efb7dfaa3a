/** The controller's Lease. Those of the agents beside it are named like their nodes, so no node may be called so. */
export const CONTROLLER_LEASE = 'resource-tracker-controller';
