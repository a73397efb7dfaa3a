import { readdir, readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { parseAllDocuments } from 'yaml';
import type { ControlPlane } from '../control-plane.ts';
import { ControlPlaneError } from './errors.ts';
import type { Answer } from './request.ts';
import { until } from './until.ts';

const collection = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
const servedTimeoutMs = 30_000;

const crdsDirectory = resolve(import.meta.dirname, '..', '..', 'crds');

/** What is read of a CustomResourceDefinition here; the API server checks the rest. */
type Definition = {
  readonly kind: 'CustomResourceDefinition';
  readonly metadata: { readonly name: string };
  readonly spec: {
    readonly group: string;
    readonly names: { readonly plural: string };
    readonly versions: readonly { readonly name: string; readonly served: boolean }[];
  };
};

/**
 * Applies every CustomResourceDefinition in the `.yaml` files of a folder, `crds/` when left out, and resolves once each is
 * established and its objects can be listed: a moment passes between the two. Then the namespace of the agents' Leases. May be repeated; the folder wins over what is
 * installed. Rejects with a {@link ControlPlaneError} that carries the API server's answer.
 */
export async function installCrds(controlPlane: ControlPlane, directory = crdsDirectory): Promise<void> {
  const definitions = await readDefinitions(directory);
  await Promise.all(definitions.map((definition) => install(controlPlane, definition)));
  await createNamespace(controlPlane, AGENTS_NAMESPACE);
}

/** Where an installation keeps its agents' Leases; the agents' default. */
const AGENTS_NAMESPACE = 'resource-tracker';

async function createNamespace(controlPlane: ControlPlane, name: string): Promise<void> {
  const body = JSON.stringify({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
  const answer = await controlPlane.call({ method: 'POST', path: '/api/v1/namespaces', body });
  if (answer.status >= 300 && answer.status !== 409) {
    throw new ControlPlaneError('request-failed', `namespace ${name}: ${answer.status} ${answer.body}`);
  }
}

async function readDefinitions(directory: string): Promise<Definition[]> {
  const files = (await readdir(directory)).filter((name) => name.endsWith('.yaml'));
  const texts = await Promise.all(files.map((name) => readFile(join(directory, name), 'utf8')));
  return texts
    .flatMap((text) => parseAllDocuments(text).map((document): unknown => document.toJS()))
    .filter(isDefinition);
}

function isDefinition(document: unknown): document is Definition {
  return (
    typeof document === 'object' &&
    document !== null &&
    'kind' in document &&
    document.kind === 'CustomResourceDefinition'
  );
}

async function install(controlPlane: ControlPlane, definition: Definition): Promise<void> {
  const path = `${collection}/${definition.metadata.name}`;
  const applied = await controlPlane.call({
    method: 'PATCH',
    path: `${path}?fieldManager=resource-tracker-dev&force=true`,
    contentType: 'application/apply-patch+yaml',
    body: JSON.stringify(definition),
  });
  if (applied.status >= 300) throw refused(definition, applied);
  const isUsable = async (signal: AbortSignal) =>
    (await isEstablished(controlPlane, path, signal)) && (await isServed(controlPlane, definition, signal));
  if (await until(isUsable, servedTimeoutMs)) return;
  throw refused(definition, await controlPlane.call({ path }));
}

async function isEstablished(controlPlane: ControlPlane, path: string, signal: AbortSignal): Promise<boolean> {
  const { body } = await controlPlane.call({ path, signal });
  const { status } = JSON.parse(body) as { status?: { conditions?: { type: string; status: string }[] } };
  return status?.conditions?.some(({ type, status: value }) => type === 'Established' && value === 'True') ?? false;
}

async function isServed(controlPlane: ControlPlane, { spec }: Definition, signal: AbortSignal): Promise<boolean> {
  const served = spec.versions.filter((version) => version.served);
  const answers = await Promise.all(
    served.map(({ name }) =>
      controlPlane.call({ path: `/apis/${spec.group}/${name}/${spec.names.plural}?limit=1`, signal }),
    ),
  );
  return answers.every(({ status }) => status === 200);
}

function refused(definition: Definition, { status, body }: Answer): ControlPlaneError {
  const { name } = definition.metadata;
  return new ControlPlaneError('request-failed', `${name} cannot be used, the API server answered ${status}: ${body}`);
}
