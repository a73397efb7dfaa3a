import { expect, inject, onTestFinished, test } from 'vitest';
import { AgentProcess } from './agent-process.ts';
import { eventually } from './eventually.ts';
import { conditionOf, Scene } from './scene.ts';

/** An interface: dashboards and alerts are made of these names. */
const METRICS = [
  'amount',
  'api_requests_total',
  'audit_duration_seconds',
  'claim_notices_total',
  'claims_in_trouble',
  'custom_stat',
  'decisions_total',
  'driver_errors_total',
  'events_lost_total',
  'grant_duration_seconds',
  'host_counter_total',
  'host_metric',
  'instances',
  'migrations_total',
  'monitor_failures_total',
  'monitor_up',
  'pci_devices',
  'ready',
  'refusals_total',
  'statistic_uncounted_instances',
  'watch_errors_total',
  'watch_staleness_seconds',
];

test('An agent creates its ComputeNode, and is ready once the host is audited.', async () => {
  const scene = await Scene.open(inject('kubeconfigPath'), { faults: { disconnected: true } });
  const agent = scene.start();
  expect(await agent.untilHealth('/readyz', 503)).not.toBe('ok\n');
  expect(await agent.health('/healthz')).toEqual({ status: 200, text: 'ok\n' });
  await scene.writeHost({});
  await agent.untilReady();
  await eventually(async () => {
    const { spec, status } = await scene.readNode();
    expect(spec).toEqual({});
    expect(conditionOf(status?.conditions, 'Ready')).toMatchObject({ status: 'True' });
    expect(status).toMatchObject({
      hostname: 'host',
      total: { vcpus: 16, memory: '64Gi', disk: '1Ti' },
      effective: { reserved: { memory: '0' }, limitPolicy: 'Capped' },
      agent: { leaseNamespace: 'resource-tracker' },
    });
  });
  expect((await agent.health('/nothing')).status).toBe(404);
});

test('An agent has the metrics that the documentation names.', async () => {
  const scene = await Scene.open(inject('kubeconfigPath'));
  const agent = await scene.startReady();
  await scene.claim('granted');
  await scene.claim('refused', { flavor: { vcpus: 1, memory: '99Gi' } });
  await scene.allDecided();
  await agent.untilSaid('claim decided');
  const { text } = await agent.health('/metrics');
  const names = [...text.matchAll(/^# TYPE resource_tracker_(\w+) /gm)].map(([, name]) => name);
  expect(names.toSorted()).toEqual(METRICS);
  expect(text).toMatch(/^resource_tracker_ready 1$/m);
  expect(text).toMatch(/^resource_tracker_amount\{resource="memory",figure="limit"\} 68719476736$/m);
});

test('An agent whose node belongs to another installation refuses to run, in one line.', async () => {
  const scene = await Scene.open(inject('kubeconfigPath'));
  const agent = await scene.startReady();
  await agent.terminate();
  const other = scene.start({ flags: [`--lease-namespace=${scene.namespace}`] });
  expect(await other.exited).toEqual({ code: 1, signal: null });
  expect(other.errors).toContain('belongs to an installation whose Leases are in namespace "resource-tracker"');
  expect(other.errors.trim().split('\n')).toHaveLength(1);
});

test('An agent whose health port is taken says so in one line.', async () => {
  const scene = await Scene.open(inject('kubeconfigPath'));
  const first = await scene.startReady();
  const { healthPort } = await first.untilSaid('agent started');
  const second = scene.start({ flags: [`--listen-address=127.0.0.1:${String(healthPort)}`] });
  expect(await second.exited).toEqual({ code: 1, signal: null });
  expect(second.errors.trim().split('\n')).toEqual([expect.stringContaining(`127.0.0.1:${String(healthPort)}`)]);
});

test('An agent that cannot reach the API server says so and tries again.', async () => {
  const scene = await Scene.open(inject('kubeconfigPath'));
  const nowhere = await scene.addFile('nowhere.yaml', kubeconfigOf('https://127.0.0.1:1'));
  const agent = scene.start({ kubeconfig: nowhere });
  const complaints = () =>
    agent.log.filter(({ error }) => String(error).includes('cannot connect to https://127.0.0.1:1'));
  await eventually(async () => expect(complaints().length).toBeGreaterThan(2));
  expect((await agent.health('/healthz')).status).toBe(200);
  expect((await agent.health('/readyz')).status).toBe(503);
  expect(await agent.terminate()).toEqual({ code: 0, signal: null });
});

interface Row {
  readonly flags?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly file?: string;
  /** The one line after `resource-tracker: `. */
  readonly says: string | RegExp;
}

test.each<[string, Row]>([
  [
    'without a node name',
    {
      says: '--node-name NAME is missing; give it as a flag, as RESOURCE_TRACKER_NODE_NAME, or as nodeName in the configuration file',
    },
  ],
  [
    'with a quantity that is none',
    { flags: ['--node-name=n', '--reserved-memory=lots'], says: /^--reserved-memory: .*\(given: lots\)$/ },
  ],
  [
    'with a negative quantity',
    { flags: ['--node-name=n', '--reserved-disk=-1Gi'], says: /^--reserved-disk: must not be negative; .*-1Gi\)$/ },
  ],
  ['with half a byte', { flags: ['--node-name=n', '--reserved-memory=100m'], says: /^--reserved-memory: .*100m/ }],
  [
    'with an overhead of half a byte',
    { flags: ['--node-name=n', '--overhead={fixed: 100m}'], says: /^--overhead: fixed .*100m.* is not a whole/ },
  ],
  [
    'with a formula for the overhead that there is not',
    { flags: ['--node-name=n', '--overhead=vmware'], says: /^--overhead: .*\(xen, kubevirt\).*\(given: vmware\)$/ },
  ],
  [
    'with a ratio of zero',
    {
      flags: ['--node-name=n', '--memory-allocation-ratio=0'],
      says: /^--memory-allocation-ratio: .*zero.*\(given: 0\)$/,
    },
  ],
  [
    'with a plug-in that is not there',
    {
      flags: ['--node-name=n', '--plugins=/nonexistent/plugin.mjs'],
      says: /^--plugins: \/nonexistent\/plugin\.mjs: Cannot find module/,
    },
  ],
  [
    'with monitors that are no names',
    { flags: ['--node-name=n', '--monitors=[1]'], says: /^--monitors: must be a list of texts, for example \[cpu, / },
  ],
  [
    'with an unknown driver',
    { flags: ['--node-name=n', '--driver=xen'], says: /^--driver: must be one of libvirt, fake \(given: xen\)$/ },
  ],
  [
    'with the fake driver and no host',
    { flags: ['--node-name=n', '--driver=fake'], says: '--driver fake needs --fake-host FILE' },
  ],
  [
    'with a host file that is not there',
    {
      flags: ['--node-name=n', '--driver=fake', '--fake-host=/nonexistent/h.yaml'],
      says: /h\.yaml: cannot be read \(ENOENT\)$/,
    },
  ],
  [
    'with an unknown key in the file',
    {
      flags: ['--node-name=n'],
      file: 'nodname: x\n',
      says: /has keys that are not known: nodname \(known: nodeName, /,
    },
  ],
  ['with a file that is no map', { file: '- a\n', says: /must be a map, for example: logLevel: debug$/ }],
  [
    'with a bad value in the environment',
    {
      flags: ['--node-name=n'],
      env: { RESOURCE_TRACKER_AUDIT_SECONDS: '0' },
      says: /^RESOURCE_TRACKER_AUDIT_SECONDS: must be a whole number from 1 to 86400 \(given: 0\)$/,
    },
  ],
  [
    'with a bad value in the file',
    {
      flags: ['--node-name=n'],
      file: 'auditSeconds: soon\n',
      says: /^auditSeconds in .*: must be a whole number .*\(given: soon\)$/,
    },
  ],
  [
    'with a bad flag over a good variable',
    {
      flags: ['--node-name=Big'],
      env: { RESOURCE_TRACKER_NODE_NAME: 'good' },
      says: /^--node-name: must be lower-case .*\(given: Big\)$/,
    },
  ],
  [
    'with a bad variable over a good file',
    { file: 'nodeName: good\n', env: { RESOURCE_TRACKER_NODE_NAME: 'Big' }, says: /^RESOURCE_TRACKER_NODE_NAME: / },
  ],
  [
    'with a device list that is none',
    {
      flags: ['--node-name=n', '--pci-devices=[{vendorID: 8086}]'],
      says: /^--pci-devices: entry 0: vendorID must be four hexadecimal digits in quotes, for example "8086" /,
    },
  ],
  [
    'with a kubeconfig that is not there',
    {
      flags: ['--node-name=n', '--kubeconfig=/nonexistent/kubeconfig'],
      says: /cannot read \/nonexistent\/kubeconfig$/,
    },
  ],
])('An agent %s is refused with one clear line.', async (_what, { flags = [], env = {}, file, says }) => {
  const scene = await Scene.open(inject('kubeconfigPath'));
  const isAboutDriver = flags.some((flag) => flag.startsWith('--driver'));
  const isAboutKubeconfig = flags.some((flag) => flag.startsWith('--kubeconfig'));
  const given = [
    '--listen-address=127.0.0.1:0',
    ...flags,
    ...(file === undefined ? [] : [`--config=${await scene.addFile('config.yaml', file)}`]),
    ...(isAboutKubeconfig ? [] : [`--kubeconfig=${inject('kubeconfigPath')}`]),
    ...(isAboutDriver ? [] : ['--driver=fake', `--fake-host=${scene.hostFile}`]),
  ];
  const agent = new AgentProcess(given, env);
  onTestFinished(() => agent.kill());
  expect(await agent.exited).toEqual({ code: 1, signal: null });
  const [line, ...rest] = agent.errors.trim().split('\n');
  expect(rest).toEqual([]);
  expect(agent.log).toEqual([]);
  const message = line?.replace(/^resource-tracker: /, '') ?? '';
  if (typeof says === 'string') expect(message).toBe(says);
  else expect(message).toMatch(says);
});

test('Flags beat variables, those beat the file, that beats the default.', async () => {
  const scene = await Scene.open(inject('kubeconfigPath'));
  const file = [
    `nodeName: ${scene.nodeName}`,
    `fakeHost: ${scene.hostFile}`,
    `kubeconfig: ${inject('kubeconfigPath')}`,
    'driver: fake',
    'listenAddress: 127.0.0.1:0',
    'reservedMemory: 1Gi',
    'reservedDisk: 1Gi',
    'reservedVcpus: 1',
    'vcpuAllocationRatio: 2',
  ].join('\n');
  const agent = new AgentProcess(['--reserved-memory=3Gi'], {
    RESOURCE_TRACKER_CONFIG: await scene.addFile('config.yaml', file),
    RESOURCE_TRACKER_RESERVED_MEMORY: '2Gi',
    RESOURCE_TRACKER_RESERVED_DISK: '2Gi',
    RESOURCE_TRACKER_PCI_ALIASES: '{gpu: [{vendorID: "10de"}]}',
  });
  onTestFinished(() => agent.kill());
  await agent.untilReady();
  await eventually(async () =>
    expect((await scene.readNode()).status?.effective).toEqual({
      reserved: { vcpus: 1, memory: '3Gi', disk: '2Gi' },
      allocationRatios: { vcpus: '2', memory: '1.5', disk: '1' },
      limitPolicy: 'Capped',
    }),
  );
});

function kubeconfigOf(server: string): string {
  return JSON.stringify({
    clusters: [{ name: 'c', cluster: { server } }],
    users: [{ name: 'u', user: {} }],
    contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
    'current-context': 'x',
  });
}
