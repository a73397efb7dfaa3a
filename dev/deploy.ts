import { randomUUID } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import { ControlPlaneError } from './control-plane/errors.ts';
import { until } from './control-plane/until.ts';
import type { ControlPlane } from './control-plane.ts';

const timeoutMs = 30_000;
const admission = '/apis/admissionregistration.k8s.io/v1';
const fieldManager = 'resource-tracker-dev';

/** An object of any kind, as it is written in a manifest. */
export type Manifest = {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
};

/** What the API server makes of the types in one expression of a policy. */
export type TypeWarning = { readonly policy: string; readonly expression: string; readonly warning: string };

/**
 * Applies every object in the `.yaml` files of a folder, server-side, and resolves once the admission policies among them are in
 * force, which happens a moment after they are written. May be repeated; the folder wins over what is there. Rejects with a
 * {@link ControlPlaneError} that carries the API server's answer.
 */
export async function applyManifests(controlPlane: ControlPlane, directory: string): Promise<void> {
  await applyObjects(controlPlane, await readManifests(directory));
}

/** The same for objects that are at hand. */
export async function applyObjects(controlPlane: ControlPlane, manifests: readonly Manifest[]): Promise<void> {
  // What lives in a namespace needs it first; what reads a ConfigMap is put in force last.
  const ranks = ['Namespace', 'ServiceAccount', 'ConfigMap'];
  const rank = ({ kind }: Manifest) => (ranks.includes(kind) ? ranks.indexOf(kind) : ranks.length);
  for (const manifest of manifests.toSorted((one, other) => rank(one) - rank(other))) {
    const path = `${await pathOf(controlPlane, manifest)}?fieldManager=${fieldManager}&force=true`;
    await send(controlPlane, 'PATCH', path, manifest, 'application/apply-patch+yaml');
  }
  if (manifests.some(({ kind }) => kind.startsWith('ValidatingAdmissionPolicy'))) await policiesInForce(controlPlane);
}

/** Every object in the `.yaml` files of a folder. */
export async function readManifests(directory: string): Promise<Manifest[]> {
  const files = (await readdir(directory)).filter((name) => name.endsWith('.yaml')).sort();
  const texts = await Promise.all(files.map((name) => readFile(join(directory, name), 'utf8')));
  return texts.flatMap(manifestsOf);
}

/** Every object in a text of YAML. */
export function manifestsOf(text: string): Manifest[] {
  return parseAllDocuments(text).map((document) => document.toJS() as Manifest);
}

/**
 * Resolves once every policy that was written before this call is in force. The API server hears of policies and bindings in the
 * order in which they were written and takes over all that it knows at once, about every second: when one that is written last
 * refuses, the others do, too. That one refuses a single name, of a ConfigMap that is created by a dry run.
 */
export async function policiesInForce(controlPlane: ControlPlane): Promise<void> {
  const name = `probe-${randomUUID()}`;
  await send(controlPlane, 'POST', `${admission}/validatingadmissionpolicies`, probePolicy(name));
  await send(controlPlane, 'POST', `${admission}/validatingadmissionpolicybindings`, {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'ValidatingAdmissionPolicyBinding',
    metadata: { name },
    spec: { policyName: name, validationActions: ['Deny'] },
  });
  try {
    if (await until((signal) => isRefused(controlPlane, name, signal), timeoutMs)) return;
    throw new ControlPlaneError('not-ready', `admission policies are not in force after ${timeoutMs} ms`);
  } finally {
    await send(controlPlane, 'DELETE', `${admission}/validatingadmissionpolicybindings/${name}`);
    await send(controlPlane, 'DELETE', `${admission}/validatingadmissionpolicies/${name}`);
  }
}

function probePolicy(name: string): object {
  return {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'ValidatingAdmissionPolicy',
    metadata: { name },
    spec: {
      failurePolicy: 'Fail',
      matchConstraints: {
        resourceRules: [
          {
            apiGroups: [''],
            apiVersions: ['v1'],
            operations: ['CREATE'],
            resources: ['configmaps'],
            resourceNames: [name],
          },
        ],
      },
      validations: [{ expression: 'false', message: 'policies are in force' }],
    },
  };
}

async function isRefused(controlPlane: ControlPlane, name: string, signal: AbortSignal): Promise<boolean> {
  const body = JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name } });
  const path = '/api/v1/namespaces/default/configmaps?dryRun=All';
  return (await controlPlane.call({ method: 'POST', path, body, signal })).status >= 400;
}

/** What is read of a ValidatingAdmissionPolicy here. */
type Policy = Manifest & {
  readonly metadata: { readonly generation: number };
  readonly status?: {
    readonly observedGeneration?: number;
    readonly typeChecking?: { readonly expressionWarnings?: readonly { fieldRef: string; warning: string }[] };
  };
};

/**
 * Waits until every policy's types are checked, and returns what was found. The controller manager does that, so it has to run.
 * It does not look at policies on subresources.
 */
export async function typeWarnings(controlPlane: ControlPlane): Promise<TypeWarning[]> {
  let policies: readonly Policy[] = [];
  const areChecked = async (signal: AbortSignal) => {
    const { body } = await controlPlane.call({ path: `${admission}/validatingadmissionpolicies`, signal });
    policies = (JSON.parse(body) as { items: Policy[] }).items;
    return policies.every(({ metadata, status }) => status?.observedGeneration === metadata.generation);
  };
  if (!(await until(areChecked, timeoutMs))) {
    throw new ControlPlaneError('not-ready', `the types of policies are not checked after ${timeoutMs} ms`);
  }
  return policies.flatMap(({ metadata, status }) =>
    (status?.typeChecking?.expressionWarnings ?? []).map(({ fieldRef, warning }) => ({
      policy: metadata.name,
      expression: fieldRef,
      warning,
    })),
  );
}

/** Where the API server serves the object. It is asked for the plural, as only it knows. */
async function pathOf(controlPlane: ControlPlane, { apiVersion, kind, metadata }: Manifest): Promise<string> {
  const root = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
  const { resources } = (await send(controlPlane, 'GET', root)) as {
    resources: readonly { name: string; kind: string; namespaced: boolean }[];
  };
  const resource = resources.find((candidate) => candidate.kind === kind && !candidate.name.includes('/'));
  if (resource === undefined) {
    throw new ControlPlaneError('request-failed', `the API server knows no ${kind} in ${apiVersion}`);
  }
  const scope = resource.namespaced ? `/namespaces/${metadata.namespace ?? 'default'}` : '';
  return `${root}${scope}/${resource.name}/${metadata.name}`;
}

async function send(
  controlPlane: ControlPlane,
  method: string,
  path: string,
  object?: object,
  contentType = 'application/json',
): Promise<unknown> {
  const sent = object === undefined ? {} : { contentType, body: JSON.stringify(object) };
  const { status, body } = await controlPlane.call({ method, path, ...sent });
  if (status < 300) return JSON.parse(body);
  throw new ControlPlaneError('request-failed', `${method} ${path}: the API server answered ${status}: ${body}`);
}
