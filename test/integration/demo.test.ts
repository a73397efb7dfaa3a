import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { expect, onTestFinished, test } from 'vitest';
import { until } from '../../dev/control-plane/until.ts';

const repository = resolve(import.meta.dirname, '..', '..');
const goneWithinMs = 15_000;
const demoTimeoutMs = 180_000;

test('The demo goes through its story as told, and leaves no process and no file.', {
  timeout: demoTimeoutMs,
}, async () => {
  const demo = await startDemo({ ONCE: '1' });
  const [code] = await once(demo.child, 'close');
  expect({ code, errors: demo.errors() }).toEqual({ code: 0, errors: '' });
  const output = demo.output();
  for (const line of expectedLines) expect(output).toMatch(line);
  expect(await demo.processesLeft()).toEqual([]);
  expect(await readdir(demo.directory)).toEqual([]);
});

test.each([
  ['Ctrl-C', 'SIGINT', 130],
  ['kill -9', 'SIGKILL', null],
] as const)(
  '%s in the middle of the demo leaves no process and no file.',
  { timeout: demoTimeoutMs },
  async (_, signal, code) => {
    const demo = await startDemo({});
    await demo.untilOutput('Claimed on gpu-1');
    expect((await demo.processesLeft()).length).toBeGreaterThanOrEqual(8);
    // A terminal sends Ctrl-C to all processes of its foreground job, a kubectl that runs among them.
    process.kill(signal === 'SIGINT' ? -demo.processId : demo.processId, signal);
    expect((await once(demo.child, 'close'))[0]).toBe(code);
    const nothingIsLeft = async () =>
      (await demo.processesLeft()).length === 0 && (await readdir(demo.directory)).length === 0;
    expect(await until(nothingIsLeft, goneWithinMs)).toBe(true);
  },
);

test('Without the ONCE of a test the demo says how to talk to it, and stays until Ctrl-C, which is no failure then.', {
  timeout: demoTimeoutMs,
}, async () => {
  const demo = await startDemo({});
  await demo.untilOutput('Ctrl-C ends the demo');
  expect(demo.output()).toMatch(/export KUBECONFIG=\S+/);
  demo.child.kill('SIGINT');
  expect((await once(demo.child, 'close'))[0]).toBe(0);
  expect(await demo.processesLeft()).toEqual([]);
});

/** What a reader of the README is promised to see. */
const expectedLines: readonly RegExp[] = [
  /claim team-a\/training-1 +Claimed on gpu-1 with gpu 0000:3b:00\.0, nic 0000:5e:02\.0/,
  /event gpu-1 +NoOrphans/,
  /claim team-b\/left-behind +Claimed on gpu-1/,
  /claim team-a\/training-2 +Claimed on gpu-1 with nic 0000:5e:02\.2, gpu 0000:af:00\.0/,
  /claim team-b\/router +Claimed on gpu-1 with uplinks .*, uplinks /,
  /too-much-memory +Rejected: InsufficientMemory: memory: requested 41096Mi, available \d+Mi \(limit \d+Mi, used \d+Mi\)/,
  /too-much-disk +Rejected: InsufficientDisk: disk: requested 110Gi/,
  /too-many-vcpus +Rejected: InsufficientVCPUs: vCPUs: requested 72/,
  /no-gpu-left +Rejected: InsufficientPCIDevices: PCI devices: gpu: requested 1, free 0/,
  /far-too-big +Rejected: InsufficientMemory, InsufficientDisk, InsufficientVCPUs, InsufficientPCIDevices\n/,
  /not-on-a-cordoned-node +Rejected: NodeUnschedulable/,
  /edge-1-again +Rejected: InstanceAlreadyClaimed/,
  /waits-in-vain +Rejected: ExceedsNodeLimit, InsufficientMemory/,
  /unknown-alias +Rejected: UnknownPCIAlias/,
  /patient +Pending: InsufficientMemory[\s\S]*web-2 +deleted[\s\S]*patient +Claimed on small-1/,
  /less-patient +Rejected: InsufficientMemory: waited 2 s/,
  /never-started +Expired: the instance did not appear/,
  /placed-by-scheduler +Pending \(attempt 1\): InsufficientMemory[\s\S]*placed-by-scheduler +Claimed on big-1/,
  /patient-to-big-1 +PreMigrating \(small-1 -> big-1\)[\s\S]*patient +Claimed on big-1[\s\S]*patient-to-big-1 +Confirmed/,
  /edge-1-grows +PreMigrating \(in place on small-1\)[\s\S]*edge-1-grows +Finished[\s\S]*edge-1-grows +Reverted/,
  /training-2-to-small-1 +Rejected: InsufficientMemory: memory: requested 65792Mi/,
  /spec\.flavor\.memory: Invalid value: "100m": must be whole bytes/,
  /computenode\.resourcetracker\.dev\/gpu-1 +True/,
  /All \d+ scenes went as told/,
];

type Demo = {
  readonly child: ChildProcess;
  readonly processId: number;
  /** Where everything temporary of it lies. */
  readonly directory: string;
  readonly output: () => string;
  readonly errors: () => string;
  /** Resolves when a line with this text came; rejects when the demo ends without one. */
  readonly untilOutput: (text: string) => Promise<void>;
  /** Processes that the demo, or anything that it started, has left. */
  readonly processesLeft: () => Promise<string[]>;
};

async function startDemo(env: NodeJS.ProcessEnv): Promise<Demo> {
  const directory = await mkdtemp(join(tmpdir(), 'demo-test-'));
  const child = spawn(process.execPath, ['dev/demo/main.ts'], {
    cwd: repository,
    // Every descendant inherits TMPDIR, so it marks them, too. Without what vitest sets for itself.
    env: { ...process.env, ONCE: '', NODE_OPTIONS: undefined, FORCE_COLOR: undefined, ...env, TMPDIR: directory },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  onTestFinished(async () => {
    child.kill('SIGKILL');
    await until(async () => (await processesMarked(directory)).length === 0, goneWithinMs);
    await rm(directory, { recursive: true, force: true, maxRetries: 5 });
  });
  const lines: string[] = [];
  const errors: string[] = [];
  createInterface({ input: child.stdout }).on('line', (line) => lines.push(line));
  child.stderr.setEncoding('utf8').on('data', (text: string) => errors.push(text));
  const untilOutput = async (text: string): Promise<void> => {
    const hasCome = () => lines.some((line) => line.includes(text));
    const ended = () => child.exitCode !== null;
    await until(async () => hasCome() || ended(), demoTimeoutMs);
    if (!hasCome()) throw new Error(`the demo did not say "${text}":\n${lines.join('\n')}\n${errors.join('')}`);
  };
  return {
    child,
    processId: child.pid ?? Number.NaN,
    directory,
    output: () => `${lines.join('\n')}\n`,
    errors: () => errors.join(''),
    untilOutput,
    processesLeft: () => processesMarked(directory),
  };
}

/** Command lines of the processes that have this directory in their environment, by what Linux tells. */
async function processesMarked(directory: string): Promise<string[]> {
  const ids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const read = (path: string) => readFile(path, 'utf8').catch(() => '');
  const found = await Promise.all(
    ids.map(async (id) => {
      const environment = (await read(`/proc/${id}/environ`)).split('\0');
      return environment.includes(`TMPDIR=${directory}`) ? `${id} ${await read(`/proc/${id}/cmdline`)}` : undefined;
    }),
  );
  return found.filter((command) => command !== undefined).map((command) => command.replaceAll('\0', ' '));
}
