import { stringify } from 'yaml';
import { ControlPlaneError } from './control-plane/errors.ts';
import type { ControlPlane } from './control-plane.ts';

/** Whose token: a service account that exists. */
export type TokenOwner = {
  readonly namespace: string;
  readonly serviceAccount: string;
  /** The node that the token is bound to, by way of a Pod that is made for it. Absent: it is bound to nothing. */
  readonly nodeName?: string;
};

const lifetimeSeconds = 3_600;
let pods = 0;

/**
 * A token as the kubelet would mount it into a Pod on that node: the API server reads the node's name from it. Makes the Node, if there
 * is none, and a Pod on it that nobody runs. Rejects with a {@link ControlPlaneError} that carries the API server's answer.
 */
export async function boundToken(controlPlane: ControlPlane, owner: TokenOwner): Promise<string> {
  const { namespace, serviceAccount, nodeName } = owner;
  const reference = nodeName === undefined ? {} : { boundObjectRef: await podOn(controlPlane, owner, nodeName) };
  const path = `/api/v1/namespaces/${namespace}/serviceaccounts/${serviceAccount}/token`;
  const { status } = (await post(controlPlane, path, {
    apiVersion: 'authentication.k8s.io/v1',
    kind: 'TokenRequest',
    spec: { audiences: [], expirationSeconds: lifetimeSeconds, ...reference },
  })) as { status: { token: string } };
  return status.token;
}

/** The text of a kubeconfig for a token. */
export function tokenKubeconfig({ url, caCert }: ControlPlane, token: string): string {
  const name = 'resource-tracker';
  const authority = Buffer.from(caCert, 'utf8').toString('base64');
  return stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name, cluster: { server: url, 'certificate-authority-data': authority } }],
    users: [{ name, user: { token } }],
    contexts: [{ name, context: { cluster: name, user: name } }],
    'current-context': name,
  });
}

async function podOn(controlPlane: ControlPlane, owner: TokenOwner, nodeName: string): Promise<object> {
  await post(controlPlane, '/api/v1/nodes', { apiVersion: 'v1', kind: 'Node', metadata: { name: nodeName } });
  pods += 1;
  const pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: `${owner.serviceAccount}-${pods}` },
    spec: {
      nodeName,
      serviceAccountName: owner.serviceAccount,
      containers: [{ name: 'agent', image: 'resource-tracker' }],
      // It stays when the controller manager finds that the node has no kubelet.
      tolerations: [{ operator: 'Exists' }],
    },
  };
  const { metadata } = (await post(controlPlane, `/api/v1/namespaces/${owner.namespace}/pods`, pod)) as {
    metadata: { name: string; uid: string };
  };
  return { apiVersion: 'v1', kind: 'Pod', name: metadata.name, uid: metadata.uid };
}

/** What was made, or is there already. */
async function post(controlPlane: ControlPlane, path: string, object: object): Promise<unknown> {
  const body = JSON.stringify(object);
  const answer = await controlPlane.call({ method: 'POST', path, contentType: 'application/json', body });
  if (answer.status < 300 || answer.status === 409) return JSON.parse(answer.body);
  throw new ControlPlaneError(
    'request-failed',
    `POST ${path}: the API server answered ${answer.status}: ${answer.body}`,
  );
}
