/** The steps that scenario files are made of: how each is written, and what it does on a Stage. */
import type { ComputeNode, Migration, MigrationPhase, PciRequest } from '../../src/api/generated/v1alpha1.ts';
import type { Flavor, NodeFigures, NodeName, ScenarioStep } from './scenario.ts';
import type { Appearance, Stage, Wish } from './stage.ts';

/** Plays one step and waits until what it says is so. Throws with the step's line where it does not come to that. */
export async function play(stage: Stage, step: ScenarioStep): Promise<void> {
  const where = `line ${step.line}, "${step.words}"`;
  const left = await played(stage, step).catch((cause: unknown) => {
    throw new Error(`${where}: ${String(cause)}`, { cause });
  });
  if (left !== undefined) throw new Error(`${where}: ${left}`);
}

/** What is wrong in the end; undefined: nothing. */
async function played(stage: Stage, step: ScenarioStep): Promise<string | undefined> {
  const expectation = await perform(stage, step.words);
  const wrong = async () => (await expectation()) ?? (await wrongFigures(stage, step));
  await stage.settle(wrong);
  return wrong();
}

async function wrongFigures(stage: Stage, { figures }: ScenarioStep): Promise<string | undefined> {
  for (const [nodeName, should] of figures) {
    const is = figuresOf(await stage.node(nodeName));
    for (const what of ['used', 'available'] as const)
      if (is[what] !== should[what]) return `${what} of ${nodeName} is ${is[what]}, and should be ${should[what]}`;
  }
  return undefined;
}

function figuresOf(node: ComputeNode | undefined): NodeFigures {
  const { used, available } = node?.status ?? {};
  const words = ({ vcpus = 0, memory = 0, disk = 0 }: typeof used = {}): string => `${vcpus} ${memory} ${disk}`;
  return { used: words(used), available: words(available) };
}

/** What is wrong with what a step expects; undefined: nothing. */
type Expectation = () => Promise<string | undefined>;
type Act = (stage: Stage, parts: readonly (string | undefined)[]) => Promise<Expectation>;

const NOTHING: Expectation = async () => undefined;

async function perform(stage: Stage, words: string): Promise<Expectation> {
  for (const [pattern, act] of STEPS) {
    const match = pattern.exec(words);
    if (match !== null) return act(stage, match.slice(1));
  }
  throw new Error(`no step is called "${words}"`);
}

/** Something that is done, and promises nothing but the figures behind it. */
function done(act: (stage: Stage, parts: readonly (string | undefined)[]) => Promise<void>): Act {
  return async (stage, parts) => {
    await act(stage, parts);
    return NOTHING;
  };
}

/** What should be so, compared as text. */
function so(
  look: (stage: Stage, parts: readonly (string | undefined)[]) => Promise<{ is: string; should: string }>,
): Act {
  return async (stage, parts) => async () => {
    const { is, should } = await look(stage, parts);
    return is === should ? undefined : `it is "${is}", and should be "${should}"`;
  };
}

type Type = Migration['spec']['type'];
type Decision = NonNullable<Migration['spec']['decision']>;

const STEPS: readonly (readonly [RegExp, Act])[] = [
  [
    /^claim (\S+) on (\S+): (.+)$/,
    done((stage, [name = '', nodeName, wish = '']) =>
      stage.createClaim({ ...wishOf(name, wish), flavor: sizeOf(wish) }, nodeOf(nodeName)),
    ),
  ],
  [
    /^migrate (\S+) to (\S+) as (\S+): (\w+)(?:, (.+))?$/,
    done((stage, [claim = '', target, name = '', type, wish = '']) =>
      stage.createMigration(wishOf(name, wish), claim, type as Type, nodeOf(target)),
    ),
  ],
  [/^report (\S+) (\w+)$/, done((stage, [name = '', phase]) => report(stage, name, phase as MigrationPhase))],
  [/^decide (\S+) (\w+)$/, done((stage, [name = '', decision]) => stage.decide(name, decision as Decision))],
  [/^delete claim (\S+)$/, done((stage, [name = '']) => stage.deleteClaim(name))],
  [/^delete migration (\S+)$/, done((stage, [name = '']) => stage.deleteMigration(name))],
  [
    /^(boot|stop|incoming) (\S+) on ([^\s:]+)(?:: (\d.+?))?(?: with (\S+(?:, \S+)*))?$/,
    done((stage, [how = '', claim = '', nodeName, size, devices]) =>
      stage.putInstance(claim, nodeOf(nodeName), appearanceOf(how, size, devices)),
    ),
  ],
  [/^gone (\S+) from (\S+)$/, done((stage, [claim = '', nodeName]) => stage.removeInstance(claim, nodeOf(nodeName)))],
  [/^agent of (\S+) dies$/, done((stage, [nodeName]) => stage.killAgent(nodeOf(nodeName)))],
  [/^agent of (\S+) starts$/, done((stage, [nodeName]) => stage.startAgent(nodeOf(nodeName)))],
  [/^its Lease runs out$/, done((stage) => stage.outlastLease())],
  [
    /^hypervisor of (\S+) (dis)?connects$/,
    done((stage, [nodeName, isAway]) => stage.connectHypervisor(nodeOf(nodeName), isAway === undefined)),
  ],
  [
    /^(un)?cordon (\S+)$/,
    done((stage, [isOpened, nodeName]) => stage.configure(nodeOf(nodeName), { unschedulable: isOpened === undefined })),
  ],
  [
    /^limits of (\S+) are (Capped|ClaimOnly)$/,
    done((stage, [nodeName, policy]) =>
      stage.configure(nodeOf(nodeName), { limitPolicy: policy as 'Capped' | 'ClaimOnly' }),
    ),
  ],
  [/^(\S+) is on (\S+)(?: with (.+))?$/, placeIs()],
  [
    /^(\S+) is (un)?locked(?: for (\S+))?$/,
    so(async (stage, [name = '', isFree, migration]) => {
      const lock = (await stage.claim(name))?.status?.migration;
      return { is: lock?.name ?? 'unlocked', should: isFree === undefined ? (migration ?? '') : 'unlocked' };
    }),
  ],
  [
    /^(\S+) of (\S+) is (Available|Claimed|Allocated|Unavailable)(?: for (\S+))?$/,
    so(async (stage, [address = '', nodeName, state = '', claim]) => ({
      is: await deviceOf(stage, address, nodeOf(nodeName), claim !== undefined),
      should: claim === undefined ? state : `${state} ${(await stage.claim(claim))?.metadata.uid}`,
    })),
  ],
  [/^(\S+) is (\w+)(?:: (\S+))?$/, phaseIs()],
  [/^(\S+) has no devices$/, so(async (stage, [name = '']) => ({ is: await devicesOf(stage, name), should: '' }))],
  [
    /^(\S+) has (\d) orphans?$/,
    so(async (stage, [nodeName, count = '']) => {
      const orphans = (await stage.node(nodeOf(nodeName)))?.status?.orphans ?? [];
      return { is: String(orphans.length), should: count };
    }),
  ],
  [
    /^(\S+) has (\d{4}:\S+(?:, \d{4}:\S+)*)$/,
    so(async (stage, [name = '', addresses = '']) => ({ is: await devicesOf(stage, name), should: addresses })),
  ],
  [
    /^(\S+) counts (\d+) instances?, (\d+) vCPUs$/,
    so(async (stage, [nodeName, instances, vcpus]) => ({
      is: countsOf(await stage.node(nodeOf(nodeName))),
      should: `${instances} instances, ${vcpus} vCPUs, ${instances} of the project, ${instances} running`,
    })),
  ],
];

/** Executors begin once both nodes hold, and not before (docs/migrations.md). */
async function report(stage: Stage, name: string, phase: MigrationPhase): Promise<void> {
  const present = async () => (await stage.migration(name))?.status?.phase ?? 'Pending';
  if (phase === 'Migrating')
    await stage.settle(async () => ((await present()) === 'Pending' ? `${name} is Pending` : undefined));
  await stage.report(name, phase);
}

/** Where the instance is, and with which flavor. */
function placeIs(): Act {
  return async (stage, [name = '', nodeName, size]) =>
    async () => {
      const status = (await stage.claim(name))?.status;
      const { vcpus, memory, rootDisk } = status?.flavor ?? {};
      const is = `on ${status?.nodeName} with ${vcpus} vCPUs, ${memory}, ${rootDisk}`;
      const should = size === undefined ? `on ${nodeOf(nodeName)} ` : `on ${nodeOf(nodeName)} with ${size}`;
      return is.startsWith(should) ? undefined : `${name} is ${is}`;
    };
}

/** The phase of a migration or a claim, and why. `Gone`: there is none of that name. */
function phaseIs(): Act {
  return async (stage, [name = '', phase, reason]) =>
    async () => {
      const object = (await stage.migration(name)) ?? (await stage.claim(name));
      const is = object === undefined ? 'Gone' : (object.status?.phase ?? 'Pending');
      const told = (object?.status?.conditions ?? []).filter(({ status }) => status !== 'True');
      const reasons = told.map((condition) => condition.reason);
      if (is !== phase) return `${name} is ${is} (${reasons.join(' ')})`;
      return reason === undefined || reasons.includes(reason) ? undefined : `${name} is ${is}: ${reasons.join(' ')}`;
    };
}

async function devicesOf(stage: Stage, name: string): Promise<string> {
  const object = (await stage.migration(name)) ?? (await stage.claim(name));
  return (object?.status?.pciDevices ?? []).map(({ address }) => address).join(', ');
}

async function deviceOf(stage: Stage, address: string, nodeName: NodeName, withClaim: boolean): Promise<string> {
  const { pciDevices = [] } = (await stage.node(nodeName))?.status ?? {};
  const device = pciDevices.find((one) => one.address === address);
  return withClaim ? `${device?.state} ${device?.claimUID}` : `${device?.state}`;
}

function countsOf(node: ComputeNode | undefined): string {
  const { stats, runningInstances } = node?.status ?? {};
  const projects = Object.values(stats?.byProject ?? {});
  const { instances, vcpusUsed } = stats ?? {};
  return `${instances} instances, ${vcpusUsed} vCPUs, ${projects[0] ?? 0} of the project, ${runningInstances} running`;
}

function nodeOf(name: string | undefined): NodeName {
  if (name === 'node-a' || name === 'node-b' || name === 'node-c') return name;
  throw new Error(`there is no node ${name}`);
}

function appearanceOf(how: string, size: string | undefined, devices: string | undefined): Appearance {
  return {
    state: how === 'boot' ? 'Active' : how === 'stop' ? 'Stopped' : 'Arriving',
    ...(size !== undefined && { size: sizeOf(size) }),
    ...(devices !== undefined && { devices: devices.split(', ') }),
  };
}

/** `2 vCPUs, 4Gi, 20Gi` */
function sizeOf(words: string): Flavor {
  const [, vcpus, memory = '', rootDisk] = /^(\d+) vCPUs?, (\w+)(?:, (\d\w*Gi))?/.exec(words) ?? [];
  if (vcpus === undefined) throw new Error(`not a size: "${words}"; write for example 2 vCPUs, 4Gi, 20Gi`);
  return { vcpus: Number(vcpus), memory, ...(rootDisk !== undefined && { rootDisk }) };
}

/** `2 vCPUs, 4Gi, 20Gi, 1 gpu, at most 8Gi`, all of which may be missing; also `no devices`, `device 0000:a1:00.0` */
function wishOf(name: string, words: string): Wish {
  const pciRequests = pciRequestsOf(words);
  const [, memoryLimit] = /at most (\w+)$/.exec(words) ?? [];
  return {
    name,
    ...(/vCPU/.test(words) && { flavor: sizeOf(words) }),
    ...(pciRequests !== undefined && { pciRequests }),
    ...(memoryLimit !== undefined && { memoryLimit }),
  };
}

function pciRequestsOf(words: string): readonly PciRequest[] | undefined {
  const [, count, alias] = /(?:^|, )(\d+) ([a-z]+?)s?(?:,|$)/.exec(words) ?? [];
  const [, address] = /\bdevice (\S+)$/.exec(words) ?? [];
  if (alias !== undefined) return [{ name: 'devices', count: Number(count), alias }];
  if (address !== undefined) return [{ name: 'devices', count: 1, selectors: [{ address }] }];
  return /\bno devices\b/.test(words) ? [] : undefined;
}
