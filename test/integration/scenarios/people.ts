/** Who acts in scenarios: each with the rights that deploy/ and docs/permissions.md give. */
import { writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { installCrds } from '../../../dev/control-plane/crds.ts';
import { type ControlPlane, startControlPlane } from '../../../dev/control-plane.ts';
import { applyManifests, applyObjects } from '../../../dev/deploy.ts';
import { type Connection, connect } from '../../../src/kube/connection.ts';
import { agentKubeconfig, bind, user } from '../permissions/people.ts';

const DEPLOY = resolve(import.meta.dirname, '../../../deploy');

/** Tenants who may name nodes and move instances, and who moves them. */
const ROLES = {
  mover: ['edit', 'resource-tracker-bind', 'resource-tracker-migrate'],
  executor: ['resource-tracker-executor'],
} as const;

/** A control plane as an administrator sets one up for the project, and connections of those who act on it. */
export class People {
  readonly controlPlane: ControlPlane;
  readonly administrator: Connection;
  readonly mover: Connection;
  readonly executor: Connection;

  private constructor(
    controlPlane: ControlPlane,
    connections: Record<'administrator' | keyof typeof ROLES, Connection>,
  ) {
    this.controlPlane = controlPlane;
    this.administrator = connections.administrator;
    this.mover = connections.mover;
    this.executor = connections.executor;
  }

  /** With the garbage collector, and with what adds our roles to Kubernetes' own. */
  static async gather(): Promise<People> {
    const controllers = ['serviceaccount', 'garbage-collector', 'clusterrole-aggregation'];
    const controlPlane = await startControlPlane({
      unsafeNoFsync: true,
      extraArguments: {
        'kube-controller-manager': [`--controllers=${controllers.map((name) => `${name}-controller`).join(',')}`],
      },
    });
    await installCrds(controlPlane);
    await applyObjects(
      controlPlane,
      Object.entries(ROLES).flatMap(([name, roles]) => roles.map((role) => bind(role, user(name)))),
    );
    await applyManifests(controlPlane, DEPLOY);
    return new People(controlPlane, {
      administrator: await connected(controlPlane, 'administrator', controlPlane.kubeconfig),
      mover: await connected(controlPlane, 'mover', controlPlane.createUser('mover', [])),
      executor: await connected(controlPlane, 'executor', controlPlane.createUser('executor', [])),
    });
  }

  /** The kubeconfig of the node's own agent. */
  agentOf(nodeName: string): Promise<string> {
    return agentKubeconfig(this.controlPlane, nodeName);
  }

  async part(): Promise<void> {
    await Promise.all([this.administrator, this.mover, this.executor].map((connection) => connection.close()));
    await this.controlPlane.stop();
  }
}

async function connected({ directory }: ControlPlane, name: string, kubeconfig: string): Promise<Connection> {
  const path = join(directory, `kubeconfig-${name}`);
  await writeFile(path, kubeconfig, { mode: 0o600 });
  return connect({ kubeconfig: path, userAgent: 'scenarios/0' });
}
