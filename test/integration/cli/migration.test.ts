/** But for the last ones, nobody carries these migrations out: the tests write what agents would. */
import { expect, inject, test } from 'vitest';
import { parse } from 'yaml';
import type { Migration, MigrationStatus } from '../../../src/api/generated/v1alpha1.ts';
import { MIGRATIONS } from '../../../src/api/kinds.ts';
import { resourceClient } from '../../../src/kube/resource.ts';
import { eventually } from '../agent/eventually.ts';
import { gpus } from '../agent/host-file.ts';
import { Scene } from '../agent/scene.ts';
import { type Ended, type Running, runCommand, startCommand } from './command.ts';

const kubeconfig = inject('kubeconfigPath');
const FLAVOR = { name: 'm1.small', vcpus: 2, memory: '2Gi', rootDisk: '20Gi' };
const WAY = ['PreMigrating', 'Migrating', 'PostMigrating', 'Finished'] as const;

/** A namespace with a Claimed claim called web on node source-1. */
class Move {
  readonly #scene: Scene;
  readonly migrations;

  private constructor(scene: Scene) {
    this.#scene = scene;
    this.migrations = resourceClient<Migration>(scene.connection, MIGRATIONS);
  }

  static async open(): Promise<Move> {
    const scene = await Scene.open(kubeconfig);
    const claim = await scene.claim('web', { nodeName: 'source-1', flavor: FLAVOR });
    await scene.claims.replaceStatus({ ...claim, status: { phase: 'Claimed', nodeName: 'source-1', flavor: FLAVOR } });
    return new Move(scene);
  }

  static of(scene: Scene): Move {
    return new Move(scene);
  }

  /** Starts `resource-tracker migration`. */
  begin(...words: readonly string[]): Running {
    return startCommand(kubeconfig, 'migration', ...words, '-n', this.#scene.namespace);
  }

  run(...words: readonly string[]): Promise<Ended> {
    return this.begin(...words).ended;
  }

  /** A cold migration called move to target-1. */
  async started(...words: readonly string[]): Promise<void> {
    const started = await this.run('start', 'web', '--type=cold', '--to=target-1', '--name=move', ...words);
    expect(started).toEqual({ code: 0, stdout: 'move\n', stderr: '' });
  }

  async read(name = 'move'): Promise<Migration> {
    const migration = await this.migrations.get(name, this.#scene.namespace);
    if (migration === undefined) throw new Error(`there is no migration ${name}`);
    return migration;
  }

  /** The only Migration of the namespace, once it is there. */
  only(): Promise<Migration> {
    return eventually(async () => {
      const { items } = await this.migrations.list({ namespace: this.#scene.namespace });
      const [first] = items;
      if (first === undefined) throw new Error('there is no migration yet');
      return first;
    });
  }

  /** Writes what an agent would. */
  async agentSays(status: MigrationStatus, name = 'move'): Promise<void> {
    const migration = await this.read(name);
    await this.migrations.replaceStatus({ ...migration, status: { ...migration.status, ...status } });
  }

  /** Brings it up to a phase, step by step. */
  async agentBringsTo(phase: (typeof WAY)[number]): Promise<void> {
    for (const step of WAY.slice(0, WAY.indexOf(phase) + 1)) await this.agentSays({ phase: step });
  }

  delete(name = 'move'): Promise<boolean> {
    return this.migrations.delete(name, { namespace: this.#scene.namespace });
  }
}

test('A migration is started, and waited for until the target holds for it.', async () => {
  const move = await Move.open();
  const start = move.begin('start', '--wait=PreMigrating', 'web', '--type', 'live', '--to', 'target-1');
  const { metadata, spec } = await move.only();
  expect(metadata.name).toMatch(/^web-[a-z0-9]+$/);
  expect(spec).toEqual({ claimName: 'web', type: 'LiveMigration', targetNodeName: 'target-1' });
  await start.untilSaid('is Pending');
  await move.agentSays({ phase: 'PreMigrating' }, metadata.name);
  const { code, stdout, stderr } = await start.ended;
  expect({ code, stdout }).toEqual({ code: 0, stdout: `${metadata.name}\n` });
  expect(stderr).toMatch(/is Pending\n.*is PreMigrating\n$/);
});

test('What of the flavor is not said stays as it is, and a resize stays where the instance is.', async () => {
  const move = await Move.open();
  await move.run('start', 'web', '--type=resize', '--memory=8Gi', '--vcpus=4', '--confirm');
  expect((await move.only()).spec).toEqual({
    claimName: 'web',
    type: 'Resize',
    targetNodeName: 'source-1',
    flavor: { vcpus: 4, memory: '8Gi', rootDisk: '20Gi' },
    decision: 'Confirm',
  });
});

test('A script may start the same migration again, and not another one of its name.', async () => {
  const move = await Move.open();
  await move.started();
  await move.agentBringsTo('Finished');
  await move.started();
  expect(await move.run('start', 'web', '--type=live', '--to=target-1', '--name=move')).toEqual({
    code: 1,
    stdout: '',
    stderr:
      'resource-tracker migration start: there is another Migration "move": ColdMigration of claim web to target-1; take another --name\n',
  });
});

test('An executor reports its way, step by step and again from the start, and a person confirms.', async () => {
  const move = await Move.open();
  await move.started();
  expect(await move.run('report', 'move', 'migrating')).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('migration move is Pending: the agent of its target has not taken it up yet'),
  });
  await move.agentSays({ phase: 'PreMigrating', sourceNodeName: 'source-1', token: 'kept' });
  expect(await move.run('report', 'move', 'finished')).toMatchObject({
    code: 1,
    stderr:
      'resource-tracker migration report: migration move is PreMigrating: it can become Migrating or Failed only; report Migrating first\n',
  });
  for (const phase of ['migrating', 'post-migrating', 'finished'])
    expect(await move.run('report', 'move', phase, '--message', `it is ${phase}`)).toMatchObject({ code: 0 });
  expect((await move.read()).status).toEqual({
    phase: 'Finished',
    sourceNodeName: 'source-1',
    token: 'kept',
    conditions: [
      expect.objectContaining({ type: 'Executed', status: 'True', reason: 'Finished', message: 'it is finished' }),
    ],
  });
  for (const phase of ['migrating', 'post-migrating', 'finished'])
    expect(await move.run('report', 'move', phase)).toMatchObject({
      code: 0,
      stderr: 'migration move is Finished already\n',
    });

  const confirm = move.begin('confirm', 'move', '--wait');
  await confirm.untilSaid('is Confirm\n');
  await move.agentSays({ phase: 'Confirmed' });
  expect(await confirm.ended).toMatchObject({ code: 0 });
  expect(await move.run('confirm', 'move')).toMatchObject({
    code: 0,
    stderr: expect.stringContaining('Confirm already'),
  });
  expect(await move.run('revert', 'move')).toMatchObject({
    code: 1,
    stderr:
      'resource-tracker migration revert: migration move is Confirmed: its decision is Confirm, which is set once and cannot become Revert\n',
  });
});

test('Two executors that report at once, beside an agent that writes, do not stand in each other’s way.', async () => {
  const move = await Move.open();
  await move.started();
  await move.agentSays({ phase: 'PreMigrating' });
  const reports = [1, 2].map((index) => move.run('report', 'move', 'migrating', '--message', `by ${index}`));
  let done = false;
  const ended = Promise.all(reports).finally(() => {
    done = true;
  });
  for (let writes = 0; !done && writes < 1_000; writes += 1)
    await move.agentSays({ targetHostname: `host-${writes}` }).catch(() => undefined);
  expect((await ended).map(({ code }) => code)).toEqual([0, 0]);
  const { status } = await move.read();
  expect(status).toMatchObject({ phase: 'Migrating', targetHostname: expect.stringMatching(/^host-/) });
  expect(status?.conditions).toEqual([
    expect.objectContaining({ type: 'Executed', message: expect.stringMatching(/^by [12]$/) }),
  ]);
});

test('A failure ends the wait for it, with what the executor has said.', async () => {
  const move = await Move.open();
  await move.started();
  await move.agentBringsTo('PreMigrating');
  const wait = move.begin('show', 'move', '--wait', '-o', 'yaml');
  await wait.untilSaid('is PreMigrating');
  expect(await move.run('report', 'move', 'failed', '--message', 'no space left on target-1')).toMatchObject({
    code: 0,
  });
  const { code, stdout, stderr } = await wait.ended;
  expect({ code, stderr }).toEqual({
    code: 1,
    stderr: expect.stringContaining('it has ended as Failed: Failed: no space left on target-1\n'),
  });
  expect(parse(stdout).status.phase).toBe('Failed');
  expect(await move.run('report', 'move', 'migrating')).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('that is its end'),
  });
  expect(await move.run('abort', 'move')).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('there is nothing to decide'),
  });
});

test('A wait ends with 124 when its time is over, and with 1 when the migration is deleted.', async () => {
  const move = await Move.open();
  await move.started();
  const late = await move.run('show', 'move', '--wait=Finished', '--timeout=1');
  expect(late).toMatchObject({
    code: 124,
    stderr: expect.stringContaining('it was not Finished within 1 s, it is Pending'),
  });
  const wait = move.begin('abort', 'move', '--wait');
  await wait.untilSaid('is Pending\n');
  await move.delete();
  expect(await wait.ended).toMatchObject({ code: 1, stderr: expect.stringMatching(/: it was deleted\n$/) });
});

test('An abort is waited for until nothing is held any more.', async () => {
  const move = await Move.open();
  await move.started();
  await move.agentBringsTo('Migrating');
  const abort = move.begin('abort', 'move', '--wait');
  await abort.untilSaid('is Migrating\n');
  expect((await move.read()).spec.decision).toBe('Abort');
  await move.agentSays({ phase: 'Failed' });
  expect(await abort.ended).toMatchObject({ code: 0, stderr: expect.stringMatching(/is Failed\n$/) });
});

test('What only the API server knows to be wrong is told in its words.', async () => {
  const move = await Move.open();
  expect(await move.run('start', 'web', '--type=live', '--to=target-1', '--name=move')).toMatchObject({ code: 0 });
  expect(await move.run('revert', 'move')).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(
      /^resource-tracker migration revert: Migration.* a LiveMigration or Evacuation cannot be reverted/,
    ),
  });
});

test('Migrations are listed and shown, for people and for programs.', async () => {
  const move = await Move.open();
  expect(await move.run('list')).toMatchObject({
    code: 0,
    stdout: '',
    stderr: expect.stringContaining('no migrations in namespace'),
  });
  await move.started();
  await move.agentBringsTo('Finished');
  expect(await move.run('start', 'web', '--type=live', '--to=target-1', '--name=again')).toMatchObject({ code: 0 });
  const { stdout } = await move.run('list', '--claim=web');
  expect(stdout).toMatch(
    /^NAME +CLAIM +TYPE .*\nagain +web +LiveMigration +Pending .*\nmove +web +ColdMigration +Finished .*\n$/,
  );
  expect((await move.run('list', '--claim=db')).stdout).toBe('');
  expect((await move.run('list', '-A')).stdout).toMatch(/^NAMESPACE +NAME /);
  const { kind, items } = JSON.parse((await move.run('list', '-o', 'json')).stdout);
  expect([kind, items.map(({ metadata }: Migration) => metadata.name)]).toEqual(['MigrationList', ['again', 'move']]);
  expect((await move.run('show', 'move')).stdout).toMatch(
    /phase: +Finished\n[\s\S]*migration confirm move, or revert move\n$/,
  );
});

test.each([
  [['start', 'web', '--type=warm', '--to=x'], 2, '--type: must be one of live, cold, resize, evacuation'],
  [['start', 'web', '--type=cold'], 2, '--type cold needs --to NODE'],
  [['start', 'web', '--to=x'], 2, "required option '--type <live|cold|resize|evacuation>' not specified"],
  [['start', 'web', '--type=resize', '--memory=lots'], 2, '--memory: "lots" is not a quantity'],
  [['start', 'db', '--type=cold', '--to=x'], 1, 'there is no InstanceClaim "db" in namespace'],
  [['report', 'move', 'confirmed'], 2, 'must be one of migrating, post-migrating, finished, failed'],
  [['report', 'move'], 2, "missing required argument 'PHASE'"],
  [['report', 'move', 'finished'], 1, 'there is no Migration "move" in namespace'],
  [['confirm', 'move', '--wait=soon'], 2, '--wait: must be a phase'],
  [['show', 'move'], 1, 'there is no Migration "move" in namespace'],
])('%j ends with %i and says why.', async (words, code, message) => {
  const move = await Move.open();
  expect(await move.run(...words)).toEqual({ code, stdout: '', stderr: expect.stringContaining(message) });
});

/** Two nodes with a real agent each; the source has a claim called web that has a device. */
async function twoNodes(): Promise<{ readonly move: Move; readonly nodes: readonly string[]; readonly scene: Scene }> {
  const scene = await Scene.open(kubeconfig, { devices: gpus(1) });
  const target = `${scene.nodeName}-2`;
  const hostFile = await scene.addHost('target.yaml', { hostname: 'target', devices: gpus(1) });
  const flags = ['--overhead={fixed: 100Mi, perVcpu: 8Mi}'];
  await Promise.all([scene.startReady({ flags }), scene.startReady({ nodeName: target, hostFile, flags })]);
  const pciRequests = [{ name: 'gpu', count: 1, selectors: [{ vendorID: '10de' }] }];
  await scene.claim('web', { flavor: FLAVOR, pciRequests });
  expect((await scene.decided('web')).status?.phase).toBe('Claimed');
  return { move: Move.of(scene), nodes: [scene.nodeName, target], scene };
}

/** What each node holds for web, as explain tells it; every figure is the agent's, too. */
async function held(nodes: readonly string[]): Promise<readonly string[]> {
  const told = nodes.map(async (nodeName) => {
    const { code, stdout } = await runCommand(kubeconfig, 'explain', nodeName, '-o', 'json');
    expect({ code, stdout }).toEqual({ code: 0, stdout: expect.stringContaining('"isEqual": true') });
    const lines: readonly Record<string, unknown>[] = JSON.parse(stdout).lines;
    const ours = lines.filter(({ name }) => name === 'web');
    return ours.map(({ flavor, vcpus, memory, pciDevices }) => `${flavor} ${vcpus} ${memory} ${pciDevices}`).join(', ');
  });
  return Promise.all(told);
}

test('With real agents an executor moves and resizes an instance, and explain adds up on both nodes at every step.', async () => {
  const { move, nodes } = await twoNodes();
  const [, target = ''] = nodes;
  const device = '0000:01:00.0';
  expect(await held(nodes)).toEqual([`InForce 2 2Gi ${device}`, '']);
  const start = ['start', 'web', '--type=resize', '--vcpus=4', '--memory=4Gi', `--to=${target}`, '--name=move'];
  expect(await move.run(...start, '--wait=PreMigrating')).toMatchObject({ code: 0, stdout: 'move\n' });
  expect(await held(nodes)).toEqual([`InForce 2 2Gi ${device}`, `New 4 4Gi ${device}`]);
  expect(await move.run('report', 'move', 'migrating', '--message=copies')).toMatchObject({ code: 0 });
  expect(await move.run('report', 'move', 'post-migrating', '--wait')).toMatchObject({ code: 0 });
  expect(await held(nodes)).toEqual([`Old 2 2Gi ${device}`, `InForce 4 4Gi ${device}`]);
  expect(await move.run('report', 'move', 'finished')).toMatchObject({ code: 0 });
  expect(await move.run('confirm', 'move', '--wait')).toMatchObject({
    code: 0,
    stderr: expect.stringMatching(/is Confirmed\n$/),
  });
  expect(await held(nodes)).toEqual(['', `InForce 4 4Gi ${device}`]);
  expect((await move.run('show', 'move')).stdout).toContain('Executed');
});

test('With real agents a resize in place is reverted, an abort gives back, and a target without room says so.', async () => {
  const { move, nodes } = await twoNodes();
  const [source = '', target = ''] = nodes;
  const device = '0000:01:00.0';
  expect(
    await move.run('start', 'web', '--type=resize', '--vcpus=3', '--name=grow', '--wait=PreMigrating'),
  ).toMatchObject({ code: 0 });
  expect(await held([source])).toEqual([`InForce 2 2Gi ${device}, New 3 2Gi ${device}`]);
  for (const phase of ['migrating', 'post-migrating', 'finished'])
    expect(await move.run('report', 'grow', phase)).toMatchObject({ code: 0 });
  expect(await move.run('show', 'grow', '--wait')).toMatchObject({ code: 0 });
  expect(await held([source])).toEqual([`InForce 3 2Gi ${device}, Old 2 2Gi ${device}`]);
  expect(await move.run('revert', 'grow', '--wait')).toMatchObject({ code: 0 });
  expect(await held([source])).toEqual([`InForce 2 2Gi ${device}`]);

  expect(
    await move.run('start', 'web', '--type=live', `--to=${target}`, '--name=go', '--wait=PreMigrating'),
  ).toMatchObject({ code: 0 });
  expect(await move.run('abort', 'go', '--wait')).toMatchObject({
    code: 0,
    stderr: expect.stringMatching(/is Failed\n$/),
  });
  expect(await held(nodes)).toEqual([`InForce 2 2Gi ${device}`, '']);

  const full = await move.run('start', 'web', '--type=resize', '--memory=1Ti', `--to=${target}`, '--wait');
  expect(full).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(
      /it has ended as Rejected: InsufficientMemory: memory: requested 1048692Mi, available \d+Mi/,
    ),
  });
});
