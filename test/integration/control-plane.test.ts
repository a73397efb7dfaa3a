import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { access, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { describe, expect, inject, onTestFinished, test } from 'vitest';
import { installCrds } from '../../dev/control-plane/crds.ts';
import { findFreePort } from '../../dev/control-plane/port.ts';
import { Servers } from '../../dev/control-plane/servers.ts';
import { Supervisor } from '../../dev/control-plane/supervisor.ts';
import { until } from '../../dev/control-plane/until.ts';
import { type ControlPlane, type ControlPlaneOptions, startControlPlane } from '../../dev/control-plane.ts';
import { ensureTools } from '../../dev/tools.ts';

const run = promisify(execFile);
const goneWithinMs = 10_000;

test('A control plane serves its pinned version to kubectl, and leaves no process and no file when it stops.', async () => {
  const controlPlane = await start();
  const { stdout } = await run('kubectl', ['version', '--output=json'], { env: controlPlane.env });
  const remains = remainsOf(controlPlane);
  expect(JSON.parse(stdout)).toMatchObject({ serverVersion: { gitVersion: await pinnedVersion() } });
  expect(await whatIsLeft(remains)).toHaveLength(3);
  await controlPlane.stop();
  expect(await whatIsLeft(remains)).toEqual([]);
  await controlPlane.stop();
});

test('A control plane with a controller manager gives every namespace its service account.', async () => {
  const controlPlane = await start({ controllerManager: true });
  await create(controlPlane, '/api/v1/namespaces', { metadata: { name: 'made' } });
  const hasAccount = async () =>
    (await controlPlane.call({ path: '/api/v1/namespaces/made/serviceaccounts/default' })).status === 200;
  expect(await until(hasAccount, goneWithinMs)).toBe(true);
  expect(Object.keys(controlPlane.processIds())).toContain('kube-controller-manager');
});

test('Two control planes run side by side and share nothing.', async () => {
  const [one, other] = await Promise.all([start(), start()]);
  expect(one.url).not.toBe(other.url);
  await create(one, '/api/v1/namespaces', { metadata: { name: 'only-in-one' } });
  expect((await one.call({ path: '/api/v1/namespaces/only-in-one' })).status).toBe(200);
  expect((await other.call({ path: '/api/v1/namespaces/only-in-one' })).status).toBe(404);
});

describe('When the process that started a control plane ends', () => {
  test.each(['SIGKILL', 'SIGINT', 'SIGTERM'] as const)(
    'by %s, nothing of it is left within seconds.',
    async (signal) => {
      const { owner, remains } = await startOwner();
      expect(await whatIsLeft(remains)).toHaveLength(3);
      process.kill(owner, signal);
      expect(await until(async () => (await whatIsLeft(remains)).length === 0, goneWithinMs)).toBe(true);
    },
  );
});

describe('A fault', () => {
  test('of the API server: killed and started again, it serves the same objects on the same port.', async () => {
    const controlPlane = await start();
    await create(controlPlane, '/api/v1/namespaces', { metadata: { name: 'kept' } });
    const before = controlPlane.processIds();
    await controlPlane.killApiServer();
    await expect(controlPlane.call({ path: '/version' })).rejects.toThrow(/ECONNREFUSED/);
    await controlPlane.startApiServer();
    expect((await controlPlane.call({ path: '/api/v1/namespaces/kept' })).status).toBe(200);
    expect(controlPlane.processIds()['kube-apiserver']).not.toBe(before['kube-apiserver']);
    expect(controlPlane.processIds().etcd).toBe(before.etcd);
  });

  test('of etcd: killed and started again, it has kept what was written.', async () => {
    const controlPlane = await start({ unsafeNoFsync: false });
    await create(controlPlane, '/api/v1/namespaces', { metadata: { name: 'kept' } });
    await controlPlane.stopEtcd();
    expect(Object.keys(controlPlane.processIds())).toEqual(['kube-apiserver']);
    await controlPlane.startEtcd();
    expect((await controlPlane.call({ path: '/api/v1/namespaces/kept' })).status).toBe(200);
  });

  test('of the supervisor itself: the process that started it clears up in its place.', async () => {
    const controlPlane = await start();
    const remains = remainsOf(controlPlane);
    const { stdout } = await run('ps', ['-o', 'ppid=', '-p', String(controlPlane.processIds().etcd)]);
    process.kill(Number(stdout), 'SIGKILL');
    expect(await until(async () => (await whatIsLeft(remains)).length === 0, goneWithinMs)).toBe(true);
    await controlPlane.stop();
  });
});

test('A user made for a test is nobody until RBAC says otherwise, and is known by name and groups.', async () => {
  const controlPlane = await start();
  const path = join(controlPlane.directory, 'user.kubeconfig');
  await writeFile(path, controlPlane.createUser('ada', ['engineers']));
  const env = { ...controlPlane.env, KUBECONFIG: path };
  const whoAmI = await run('kubectl', ['auth', 'whoami', '--output=json'], { env });
  expect(JSON.parse(whoAmI.stdout)).toMatchObject({
    status: { userInfo: { username: 'ada', groups: ['engineers', 'system:authenticated'] } },
  });
  await expect(run('kubectl', ['get', 'nodes'], { env })).rejects.toThrow(/Forbidden.*"ada"/);
});

test('A server that does not start is reported with the end of its log, and leaves nothing.', async () => {
  const TMPDIR = await temporaryDirectory();
  const extraArguments = { 'kube-apiserver': ['--authorization-mode=Nonsense'] };
  const failing = start({ extraArguments, env: { ...process.env, TMPDIR } });
  await expect(failing).rejects.toMatchObject({
    name: 'ControlPlaneError',
    reason: 'server-exited',
    message: expect.stringMatching(/kube-apiserver exited \(code 1\).*Nonsense/s),
  });
  expect(await readdir(TMPDIR)).toEqual([]);
});

test('A server that is not ready in time is reported as such.', async () => {
  const failing = start({ readyTimeoutMs: 1 });
  await expect(failing).rejects.toMatchObject({
    reason: 'not-ready',
    message: expect.stringContaining('etcd is not ready after 1 ms'),
  });
});

describe('A port that someone else has', () => {
  test('is given up for another when the API server starts for the first time.', async () => {
    const { port, server } = await occupyPort(0);
    onTestFinished(() => void server.close());
    const free = await findFreePort();
    const ports = [port, free];
    const supervisor = await Supervisor.launch(process.env);
    onTestFinished(() => supervisor.stop());
    const servers = new Servers(supervisor, {
      binDirectory: await ensureTools(),
      controllerManager: false,
      unsafeNoFsync: true,
      extraArguments: {},
      readyTimeoutMs: 60_000,
      findPort: async () => ports.shift() ?? free,
    });
    await servers.startAll();
    expect(servers.url).toBe(`https://127.0.0.1:${free}`);
  });

  test('is waited for when the API server starts again, as its clients know it by that port.', async () => {
    const controlPlane = await start();
    await controlPlane.killApiServer();
    const { server } = await occupyPort(Number(new URL(controlPlane.url).port));
    const starting = controlPlane.startApiServer();
    const log = join(controlPlane.directory, 'kube-apiserver.log');
    const isRefused = async () => (await readFile(log, 'utf8')).includes('address already in use');
    expect(await until(isRefused, goneWithinMs)).toBe(true);
    server.close();
    await starting;
    expect((await controlPlane.call({ path: '/readyz' })).status).toBe(200);
  });
});

describe('KUBEBUILDER_ASSETS', () => {
  test('is where the binaries are taken from.', async () => {
    const { binDirectory } = await start();
    const assets = await temporaryDirectory();
    for (const tool of ['etcd', 'kube-apiserver', 'kubectl'])
      await symlink(join(binDirectory, tool), join(assets, tool));
    const controlPlane = await start({ env: { ...process.env, KUBEBUILDER_ASSETS: assets } });
    expect(controlPlane.binDirectory).toBe(assets);
  });

  test('without a binary that is needed is an error that names it.', async () => {
    const assets = await temporaryDirectory();
    for (const tool of ['etcd', 'kubectl']) await writeFile(join(assets, tool), '', { mode: 0o755 });
    await expect(start({ env: { ...process.env, KUBEBUILDER_ASSETS: assets } })).rejects.toMatchObject({
      reason: 'binary-missing',
      message: expect.stringMatching(/no executable kube-apiserver:/),
    });
  });
});

describe('Custom resources', () => {
  test('can be made as soon as their definitions are installed, and again after a second install.', async () => {
    const controlPlane = await start();
    const directory = await temporaryDirectory();
    await writeFile(join(directory, 'widgets.yaml'), widgets);
    for (const name of ['first', 'second']) {
      await installCrds(controlPlane, directory);
      await create(controlPlane, '/apis/example.test/v1/widgets', {
        apiVersion: 'example.test/v1',
        kind: 'Widget',
        metadata: { name },
      });
    }
    const selected = await controlPlane.call({
      path: '/apis/example.test/v1/widgets?fieldSelector=status.phase%3DReady',
    });
    expect(JSON.parse(selected.body)).toMatchObject({ items: [] });
  });

  test('with a definition that the API server refuses are an error that says why.', async () => {
    const controlPlane = await start();
    const directory = await temporaryDirectory();
    await writeFile(join(directory, 'widgets.yaml'), widgets.replace('scope: Cluster', 'scope: Galaxy'));
    await expect(installCrds(controlPlane, directory)).rejects.toThrow(/widgets.example.test.*422.*Galaxy/s);
  });
});

test('The control plane that all test files share has the CRDs of this repository.', async () => {
  const { binDirectory } = await start();
  const kubectl = join(binDirectory, 'kubectl');
  const { stdout } = await run(kubectl, ['--kubeconfig', inject('kubeconfigPath'), 'get', 'crds', '--output=name']);
  expect(stdout.trim().split('\n').length).toBeGreaterThanOrEqual(3);
});

const widgets = `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: { name: widgets.example.test }
spec:
  group: example.test
  scope: Cluster
  names: { plural: widgets, singular: widget, kind: Widget, listKind: WidgetList }
  versions:
    - name: v1
      served: true
      storage: true
      selectableFields: [{ jsonPath: .status.phase }]
      schema:
        openAPIV3Schema:
          type: object
          properties: { status: { type: object, properties: { phase: { type: string } } } }
`;

/** A control plane for one test, as small and quick as they come, stopped at the test's end. */
async function start(options: ControlPlaneOptions = {}): Promise<ControlPlane> {
  const controlPlane = await startControlPlane({ controllerManager: false, unsafeNoFsync: true, ...options });
  onTestFinished(() => controlPlane.stop());
  return controlPlane;
}

async function occupyPort(wanted: number): Promise<{ port: number; server: Server }> {
  const server = createServer();
  await once(server.listen(wanted, '127.0.0.1'), 'listening');
  const address = server.address();
  return { port: typeof address === 'object' && address !== null ? address.port : 0, server };
}

async function create(controlPlane: ControlPlane, path: string, object: object): Promise<void> {
  const body = JSON.stringify(object);
  const answer = await controlPlane.call({ method: 'POST', path, contentType: 'application/json', body });
  expect(answer).toMatchObject({ status: 201 });
}

/** What must not outlive a control plane. */
type Remains = { readonly directory: string; readonly processIds: Readonly<Record<string, number>> };

function remainsOf(controlPlane: ControlPlane): Remains {
  return { directory: controlPlane.directory, processIds: controlPlane.processIds() };
}

async function startOwner(): Promise<{ owner: number; remains: Remains }> {
  const script = join(import.meta.dirname, 'control-plane-owner.ts');
  const child = spawn(process.execPath, [script], { stdio: ['ignore', 'pipe', 'inherit'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  createInterface({ input: child.stdout }).once('line', resolve);
  child.once('exit', (code) => reject(new Error(`the owner exited early, code ${code}`)));
  const remains = JSON.parse(await promise) as Remains;
  return { owner: child.pid ?? 0, remains };
}

async function whatIsLeft({ directory, processIds }: Remains): Promise<string[]> {
  const processes = Object.entries(processIds).filter(([, id]) => isAlive(id));
  const files = await access(directory).then(
    () => [directory],
    () => [],
  );
  return [...processes.map(([server, id]) => `${server} ${id}`), ...files];
}

function isAlive(processId: number): boolean {
  try {
    process.kill(processId, 0);
    return true;
  } catch {
    return false;
  }
}

async function temporaryDirectory(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'control-plane-test-'));
  onTestFinished(() => rm(directory, { recursive: true }));
  return directory;
}

async function pinnedVersion(): Promise<string | undefined> {
  const goMod = await readFile(join(import.meta.dirname, '..', '..', 'tools', 'go.mod'), 'utf8');
  return /k8s\.io\/kubernetes (v\S+)/.exec(goMod)?.[1];
}
