import { CONTROLLER_LEASE } from '../process/controller-lease.ts';
import { name } from '../process/option.ts';

/** Reads the name of the node. Throws an Error that says what to write instead. */
export function readNodeName(value: unknown): string {
  const nodeName = name(value);
  if (nodeName !== CONTROLLER_LEASE) return nodeName;
  throw new Error(
    `no node may be called ${CONTROLLER_LEASE}: the Lease of that name is the controller's; register the node under another name ` +
      '(kubelet --hostname-override)',
  );
}
