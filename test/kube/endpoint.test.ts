import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { stringify } from 'yaml';
import { findEndpoint } from '../../src/kube/endpoint.ts';

async function folder(files: Readonly<Record<string, string>>): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'endpoint-'));
  onTestFinished(() => rm(path, { recursive: true }));
  for (const [name, content] of Object.entries(files)) await writeFile(join(path, name), content);
  return path;
}

function kubeconfig(cluster: object, user: object, context: object = {}): string {
  return stringify({
    clusters: [{ name: 'c', cluster }],
    users: [{ name: 'u', user }],
    contexts: [{ name: 'x', context: { cluster: 'c', user: 'u', ...context } }],
    'current-context': 'x',
  });
}

const base64 = (text: string) => Buffer.from(text).toString('base64');
const SERVER = 'https://10.0.0.1:6443';

describe('a kubeconfig', () => {
  it.each<{ title: string; cluster: object; user: object; tls: object; headers: object }>([
    {
      title: 'with certificates inside',
      cluster: { server: SERVER, 'certificate-authority-data': base64('CA') },
      user: { 'client-certificate-data': base64('CERT'), 'client-key-data': base64('KEY') },
      tls: { ca: Buffer.from('CA'), cert: Buffer.from('CERT'), key: Buffer.from('KEY') },
      headers: {},
    },
    {
      title: 'with certificates in files beside it',
      cluster: { server: SERVER, 'certificate-authority': 'ca.pem', 'tls-server-name': 'api' },
      user: { 'client-certificate': 'cert.pem', 'client-key': 'key.pem' },
      tls: {
        ca: Buffer.from('ca file'),
        cert: Buffer.from('cert file'),
        key: Buffer.from('key file'),
        servername: 'api',
      },
      headers: {},
    },
    {
      title: 'with a token',
      cluster: { server: SERVER, 'insecure-skip-tls-verify': true },
      user: { token: 'secret' },
      tls: { rejectUnauthorized: false },
      headers: { authorization: 'Bearer secret' },
    },
    {
      title: 'with a file that holds the token',
      cluster: { server: SERVER },
      user: { tokenFile: 'token' },
      tls: {},
      headers: { authorization: 'Bearer from the file' },
    },
    { title: 'without a user', cluster: { server: SERVER }, user: {}, tls: {}, headers: {} },
    {
      title: 'with a password, by client-node',
      cluster: { server: SERVER, 'certificate-authority-data': base64('CA') },
      user: { username: 'me', password: 'pass' },
      tls: { ca: Buffer.from('CA') },
      headers: { authorization: `Basic ${base64('me:pass')}` },
    },
  ])('$title', async ({ cluster, user, tls, headers }) => {
    const files = { 'ca.pem': 'ca file', 'cert.pem': 'cert file', 'key.pem': 'key file', token: 'from the file\n' };
    const path = await folder({ config: kubeconfig(cluster, user), ...files });
    const endpoint = await findEndpoint({ kubeconfig: join(path, 'config') });
    expect(endpoint.server.origin).toBe(SERVER);
    expect(await endpoint.tls()).toEqual(tls);
    expect(await endpoint.headers()).toEqual(headers);
  });

  it.each([
    ['is that of its context', { token: 't' }, { namespace: 'team-a' }, 'team-a'],
    ['is that of its context, by client-node', { username: 'me', password: 'p' }, { namespace: 'team-a' }, 'team-a'],
    ['is not said by a context without one', { token: 't' }, {}, undefined],
    ['is not said by a context without one, by client-node', { username: 'me', password: 'p' }, {}, undefined],
  ])('whose namespace %s', async (_, user, context, namespace) => {
    const path = await folder({ config: kubeconfig({ server: SERVER }, user, context) });
    expect(await (await findEndpoint({ kubeconfig: join(path, 'config') })).namespace()).toBe(namespace);
  });

  it('asks an exec plug-in for the token, and again when the token is refused', async () => {
    const path = await folder({ count: '' });
    const plugin = join(path, 'plugin');
    const credential = (token: string) => JSON.stringify({ kind: 'ExecCredential', status: { token } });
    await writeFile(
      plugin,
      `#!/bin/sh\necho x >> "${path}/count"\necho '${credential('N')}' | sed "s/N/$(wc -l < "${path}/count")/"\n`,
    );
    await chmod(plugin, 0o755);
    const exec = { apiVersion: 'client.authentication.k8s.io/v1', command: plugin, interactiveMode: 'Never' };
    await writeFile(join(path, 'config'), kubeconfig({ server: SERVER }, { exec }));
    const endpoint = await findEndpoint({ kubeconfig: join(path, 'config') });
    const tokens = [await endpoint.headers(), await endpoint.headers()];
    expect(endpoint.refresh()).toBe(true);
    tokens.push(await endpoint.headers());
    expect(tokens).toEqual(['Bearer 1', 'Bearer 1', 'Bearer 2'].map((authorization) => ({ authorization })));
  });

  it.each([
    ['is absent', undefined, 'cannot read'],
    ['is no YAML', '{', 'is not YAML'],
    ['is empty', '', 'has no context ""'],
    ['has no server', kubeconfig({}, {}), 'names no server'],
    ['has an impossible server', kubeconfig({ server: 'https://:::' }, {}), 'is no address'],
    ['is behind a proxy', kubeconfig({ server: SERVER, 'proxy-url': 'http://p' }, {}), 'proxy'],
  ])('that %s is refused with the reason', async (_, content, message) => {
    const path = await folder(content === undefined ? {} : { config: content });
    const endpoint = findEndpoint({ kubeconfig: join(path, 'config') });
    await expect(endpoint).rejects.toMatchObject({ reason: 'Unreachable', message: expect.stringContaining(message) });
  });
});

describe('without a named file', () => {
  it('looks into $KUBECONFIG, all files of it, then home, then the pod', async () => {
    const one = await folder({ config: kubeconfig({ server: 'https://one' }, { token: 't' }) });
    const users = stringify({ users: [{ name: 'other', user: { token: 'o' } }] });
    const other = await folder({ config: users });
    const home = await folder({});
    const pod = { KUBERNETES_SERVICE_HOST: 'fd00::1', KUBERNETES_SERVICE_PORT: '443' };
    const merged = {
      ...pod,
      HOME: home,
      KUBECONFIG: `${join(one, 'config')}:${join(other, 'config')}:${join(other, 'absent')}`,
    };
    const serviceAccountFolder = await folder({ token: 'mine\n', 'ca.crt': 'CA' });
    const origin = async (env: Record<string, string>) =>
      (await findEndpoint({ env, serviceAccountFolder })).server.origin;
    expect(await origin({ ...pod, HOME: home, KUBECONFIG: join(one, 'config') })).toBe('https://one');
    expect(await origin(merged)).toBe('https://one');
    expect(await origin({ ...pod, HOME: home })).toBe('https://[fd00::1]');
    await expect(origin({ HOME: home })).rejects.toThrow('this is no pod');
  });

  it('reads a service account, and its token again after a refusal', async () => {
    const serviceAccountFolder = await folder({ token: 'first\n', 'ca.crt': 'CA' });
    const env = { HOME: '/absent', KUBERNETES_SERVICE_HOST: '10.0.0.1' };
    const endpoint = await findEndpoint({ env, serviceAccountFolder });
    expect(await endpoint.tls()).toEqual({ ca: Buffer.from('CA') });
    expect(await endpoint.headers()).toEqual({ authorization: 'Bearer first' });
    expect(await endpoint.namespace(), 'no file says').toBeUndefined();
    await writeFile(join(serviceAccountFolder, 'namespace'), 'team-a\n');
    expect(await endpoint.namespace()).toBe('team-a');
    await writeFile(join(serviceAccountFolder, 'token'), 'second');
    expect(await endpoint.headers(), 'not yet: the file is read once a minute').toEqual({
      authorization: 'Bearer first',
    });
    endpoint.refresh();
    expect(await endpoint.headers()).toEqual({ authorization: 'Bearer second' });
    await rm(join(serviceAccountFolder, 'token'));
    endpoint.refresh();
    expect(await endpoint.headers(), 'better an old one than none').toEqual({ authorization: 'Bearer second' });
  });
});
