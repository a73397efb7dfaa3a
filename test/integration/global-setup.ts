import type { TestProject } from 'vitest/node';
import { installCrds } from '../../dev/control-plane/crds.ts';
import { type ControlPlane, startControlPlane } from '../../dev/control-plane.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** The administrator's kubeconfig of the control plane that all integration tests share, CRDs installed. */
    readonly kubeconfigPath: string;
  }
}

let controlPlane: ControlPlane | undefined;

/**
 * Starts the one control plane of a run of integration tests. A test file takes it by `inject('kubeconfigPath')`, makes
 * namespaces and nodes with names of its own, and never stops a server of it: tests of faults start their own control plane.
 */
export async function setup(project: TestProject): Promise<void> {
  controlPlane = await startControlPlane({ controllerManager: false, unsafeNoFsync: true });
  await installCrds(controlPlane);
  project.provide('kubeconfigPath', controlPlane.kubeconfigPath);
}

/** Called by vitest at the end; when vitest dies before that, the control plane ends by itself. */
export async function teardown(): Promise<void> {
  await controlPlane?.stop();
}
