/** Every option of the controller, once. */
import type { ConfigOf } from '../process/config.ts';
import { commonOptions, option, whole } from '../process/option.ts';

const COMMON = commonOptions(9743);

export const CONTROLLER_OPTIONS = {
  kubeconfig: COMMON.kubeconfig,
  leaseNamespace: COMMON.leaseNamespace,
  nodeGoneSeconds: option<number>({
    flag: 'node-gone-seconds',
    placeholder: 'SECONDS',
    description:
      'how long a Node has to be gone before its ComputeNode is removed, if its spec is empty and nothing is held',
    read: whole(0, 31_536_000),
    fallback: '600',
  }),
  leaseDurationSeconds: COMMON.leaseDurationSeconds,
  listenAddress: COMMON.listenAddress,
  logLevel: COMMON.logLevel,
} as const;

/** The controller's configuration, read and checked. */
export type ControllerConfig = ConfigOf<typeof CONTROLLER_OPTIONS>;
