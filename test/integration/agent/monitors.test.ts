import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { FaultProxy } from '../../../dev/fault-proxy.ts';
import { missingForLibvirtd, startLibvirtd } from '../../../dev/libvirtd.ts';
import type { AgentProcess } from './agent-process.ts';
import { eventually } from './eventually.ts';
import type { FakeCpuCounters } from './host-file.ts';
import { conditionOf, Scene } from './scene.ts';
import { isHeartbeat } from './writes.ts';

const EXAMPLE = fileURLToPath(new URL('../../../examples/plugins/host-load.ts', import.meta.url));
const EVERY_SECOND = ['--audit-seconds=1', '--metrics-min-interval-seconds=0'];
const missing = await missingForLibvirtd();

let proxy: FaultProxy;
beforeAll(async () => {
  proxy = await FaultProxy.start(inject('kubeconfigPath'));
});
afterAll(() => proxy.stop());

/** Counters after one more second of eight CPUs, of which so much was spent by users. */
function later({ user, kernel, idle, iowait, frequencyMhz }: FakeCpuCounters, share: number): FakeCpuCounters {
  const spent = 8_000_000_000 * share;
  return { user: user + spent, kernel, idle: idle + 8_000_000_000 - spent, iowait, frequencyMhz };
}

const BOOTED: FakeCpuCounters = {
  user: 100_000_000_000,
  kernel: 50_000_000_000,
  idle: 800_000_000_000,
  iowait: 50_000_000_000,
  frequencyMhz: 2_600,
};

/** The value of one line of /metrics. */
async function metricOf(agent: AgentProcess, line: string): Promise<number | undefined> {
  const { text } = await agent.health('/metrics');
  const found = text.split('\n').find((candidate) => candidate.startsWith(`resource_tracker_${line} `));
  return found === undefined ? undefined : Number(found.split(' ').at(-1));
}

const counterOf = (agent: AgentProcess, name: string) =>
  metricOf(agent, `host_counter_total{metric="${name}",monitor="cpu"}`);
const gaugeOf = (agent: AgentProcess, name: string) => metricOf(agent, `host_metric{metric="${name}",monitor="cpu"}`);

async function statusMetrics(scene: Scene): Promise<Readonly<Record<string, unknown>>> {
  const { metrics = [] } = (await scene.readNode()).status ?? {};
  return Object.fromEntries(metrics.map(({ name, value }) => [name, value]));
}

test("The CPU monitor's figures are in the node's status and on /metrics, its counters on /metrics alone.", async () => {
  const scene = await Scene.open(inject('kubeconfigPath'), { cpuCounters: BOOTED });
  const agent = await scene.startReady();
  await eventually(async () =>
    expect(await statusMetrics(scene)).toEqual({
      'cpu.frequency': '2600',
      'cpu.idle.percent': '0.8',
      'cpu.iowait.percent': '0.05',
      'cpu.kernel.percent': '0.05',
      'cpu.percent': '0.2',
      'cpu.user.percent': '0.1',
    }),
  );
  const { metrics = [] } = (await scene.readNode()).status ?? {};
  expect(metrics.every(({ source, timestamp }) => source === 'cpu' && Date.parse(timestamp ?? '') > 0)).toBe(true);
  expect(await gaugeOf(agent, 'cpu.percent')).toBe(0.2);
  expect(await gaugeOf(agent, 'cpu.frequency')).toBe(2_600);
  expect(await counterOf(agent, 'cpu.idle.time')).toBe(BOOTED.idle);
  expect(await metricOf(agent, 'monitor_up{monitor="cpu"}')).toBe(1);
});

test('An agent of a host that idles writes nothing, while /metrics shows every move; a load that comes is written.', async () => {
  const scene = await Scene.open(inject('kubeconfigPath'), { cpuCounters: BOOTED });
  const agent = await scene.startReady({ kubeconfig: proxy.kubeconfigPath, flags: EVERY_SECOND });
  await eventually(async () => expect(await statusMetrics(scene)).toHaveProperty(['cpu.percent'], '0.2'));
  // What being ready is told by: Events come after all else.
  await eventually(async () => expect(proxy.requests.some(({ path }) => path.endsWith('/events'))).toBe(true));
  proxy.forgetRequests();

  let now = BOOTED;
  for (const share of [0.19, 0.11, 0.15]) {
    now = later(now, share);
    await scene.writeHost({ cpuCounters: now });
    await eventually(async () => expect(await counterOf(agent, 'cpu.user.time')).toBe(now.user));
    expect(await gaugeOf(agent, 'cpu.percent')).toBe(share);
  }
  const asked = proxy.requests.filter((passing) => !isHeartbeat(passing));
  expect(asked.map(({ method, path }) => `${method} ${path}`)).toEqual([]);

  await scene.writeHost({ cpuCounters: later(now, 0.75) });
  await eventually(async () => expect(await statusMetrics(scene)).toHaveProperty(['cpu.percent'], '0.75'));
  expect(await statusMetrics(scene)).toMatchObject({ 'cpu.user.percent': '0.75', 'cpu.idle.percent': '0.25' });
});

test('Monitors and statistics of a plug-in run beside the others; what fails is named, and costs claims nothing.', async () => {
  const scene = await Scene.open(inject('kubeconfigPath'), { cpuCounters: BOOTED });
  const broken = await scene.addFile(
    'broken.mjs',
    `export const monitors = [
       { name: 'broken', metrics: [{ name: 'broken.a', kind: 'level' }], read() { throw new Error('no sensor'); } },
     ];
     export const statistics = [{ name: 'picky', count() { throw new Error('not this one'); } }];`,
  );
  const agent = await scene.startReady({
    flags: [...EVERY_SECOND, `--plugins=[${EXAMPLE}, ${broken}]`, '--monitors=[cpu, load, broken, typo]'],
  });
  expect(await agent.untilSaid('a monitor does not run')).toMatchObject({
    monitor: 'typo',
    reason: 'there is no such monitor; there are: cpu, load, broken',
  });
  await scene.claim('large', { flavor: { vcpus: 1, memory: '40Gi' } });
  await scene.claim('small');
  expect(await scene.allDecided()).toEqual({ Claimed: 2 });
  await eventually(async () => {
    const { stats, conditions, metrics = [] } = (await scene.readNode()).status ?? {};
    expect(stats?.custom).toEqual({ 'sizes.large': 1, 'sizes.small': 1 });
    expect(metrics.map(({ name }) => name)).toEqual(expect.arrayContaining(['cpu.percent', 'load.long', 'load.short']));
    expect(conditionOf(conditions, 'PluginsHealthy')).toMatchObject({
      status: 'False',
      reason: 'MonitorFailed,StatisticFailed',
      message: [
        'monitor typo: there is no such monitor; there are: cpu, load, broken',
        'monitor broken: no sensor',
        'statistic picky, 2 instances: not this one',
      ].join('; '),
    });
    expect(conditionOf(conditions, 'Ready')).toMatchObject({ status: 'True' });
  });
  expect(agent.said('a monitor failed')).toMatchObject([{ monitor: 'broken', error: 'no sensor' }]);
  expect(await metricOf(agent, 'monitor_up{monitor="broken"}')).toBe(0);
  expect(await metricOf(agent, 'monitor_up{monitor="typo"}')).toBe(0);
  expect(await metricOf(agent, 'monitor_failures_total{monitor="broken"}')).toBeGreaterThan(0);
  expect(await metricOf(agent, 'custom_stat{name="sizes.large"}')).toBe(1);
  expect(await metricOf(agent, 'statistic_uncounted_instances{statistic="picky"}')).toBe(2);
  await scene.delete('large');
  await eventually(async () => expect((await scene.readNode()).status?.stats?.custom).toEqual({ 'sizes.small': 1 }));
});

test('Each audit tells both views, as info only when something has changed.', async () => {
  const scene = await Scene.open(inject('kubeconfigPath'));
  const agent = await scene.startReady({ flags: ['--audit-seconds=1', '--log-level=debug'] });
  await scene.claim('a');
  await scene.decided('a');
  await eventually(async () =>
    expect(infosOf(agent, 'audit: the final view')).toMatchObject([{ instances: 0 }, { instances: 1 }]),
  );
  const told = agent.said('audit: the final view').length;
  await eventually(async () => expect(agent.said('audit: the final view').length).toBeGreaterThan(told + 2));
  expect(infosOf(agent, 'audit: the final view')).toHaveLength(2);
  expect(infosOf(agent, "audit: the hypervisor's view")).toMatchObject([
    { freeMemory: '64Gi', freeDisk: '1Ti', freeVcpus: 16, pciDevices: 0 },
  ]);
  expect(infosOf(agent, 'audit: the final view').at(-1)).toMatchObject({
    memory: { total: '64Gi', used: '1Gi', free: '63Gi' },
    vcpus: { total: 16, used: 1, free: 15 },
  });
});

describe.skipIf(missing !== undefined)(
  `on a real libvirtd${missing === undefined ? '' : ` (skipped: ${missing})`}`,
  () => {
    test('the CPU monitor measures this machine.', async () => {
      const libvirtd = await startLibvirtd();
      try {
        const scene = await Scene.open(inject('kubeconfigPath'));
        const agent = await scene.startOn(libvirtd, { flags: ['--audit-seconds=2'] });
        await eventually(async () => expect(Object.keys(await statusMetrics(scene))).toHaveLength(6));
        const first = await allTimesOf(agent);
        await eventually(async () => expect(await allTimesOf(agent)).toBeGreaterThan(first));
        const shares = await Promise.all(
          ['user', 'kernel', 'idle', 'iowait'].map((name) => gaugeOf(agent, `cpu.${name}.percent`)),
        );
        expect(shares.reduce<number>((sum, share) => sum + (share ?? Number.NaN), 0)).toBeCloseTo(1, 4);
        await agent.kill();
      } finally {
        await libvirtd.stop();
      }
    });
  },
);

/** A machine that is busy has no idle time, and the other way round: together they grow. */
async function allTimesOf(agent: AgentProcess): Promise<number> {
  const names = ['user', 'kernel', 'idle', 'iowait'];
  const times = await Promise.all(names.map((name) => counterOf(agent, `cpu.${name}.time`)));
  return times.reduce<number>((sum, time) => sum + (time ?? Number.NaN), 0);
}

function infosOf(agent: AgentProcess, message: string) {
  return agent.said(message).filter(({ level }) => level === 30);
}
