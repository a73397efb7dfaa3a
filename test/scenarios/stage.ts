/** What a scenario needs of the world that it is played in: a modelled API server, or a real one with real agents. */
import type { InstanceClaim, Migration, MigrationPhase } from '../../src/api/generated/v1alpha1.ts';
import type { Flavor, NodeFigures, NodeName, ScenarioStep } from './scenario.ts';

/** Whom a `claim` or `migrate` step creates. */
export interface Wish {
  readonly name: string;
  readonly flavor?: Flavor;
  /** How many devices of the alias `gpu`. */
  readonly gpus?: number;
}

export type Size = Pick<Flavor, 'vcpus' | 'memory'>;

export interface Stage {
  createClaim(wish: Wish & { readonly flavor: Flavor }, nodeName: NodeName): Promise<void>;
  createMigration(wish: Wish, claimName: string, type: Migration['spec']['type'], target: NodeName): Promise<void>;
  deleteClaim(name: string): Promise<void>;
  deleteMigration(name: string): Promise<void>;
  /** An executor writes the phase. */
  report(migration: string, phase: MigrationPhase): Promise<void>;
  decide(migration: string, decision: NonNullable<Migration['spec']['decision']>): Promise<void>;
  /** The instance of a claim is on the host from now on, as large as the claim's flavor in force but for `size`. */
  putInstance(claim: string, nodeName: NodeName, state: 'Active' | 'Stopped' | 'Arriving', size?: Size): Promise<void>;
  removeInstance(claim: string, nodeName: NodeName): Promise<void>;
  /** From one moment to the next; and no other takes its place until `startAgent`. */
  killAgent(nodeName: NodeName): Promise<void>;
  startAgent(nodeName: NodeName): Promise<void>;
  /** The Lease of a dead agent runs out. */
  outlastLease(): Promise<void>;
  /** Until nothing more happens by itself, or `isRight` holds. */
  settle(isRight: () => Promise<string | undefined>): Promise<void>;
  figures(nodeName: NodeName): Promise<NodeFigures>;
  claim(name: string): Promise<InstanceClaim | undefined>;
  migration(name: string): Promise<Migration | undefined>;
}

const PATTERNS = {
  claim: /^claim (\S+) on (\S+): (.+)$/,
  migrate: /^migrate (\S+) to (\S+) as (\S+): (\w+)(?:, (.+))?$/,
  report: /^report (\S+) (\w+)$/,
  decide: /^decide (\S+) (\w+)$/,
  delete: /^delete (claim|migration) (\S+)$/,
  boot: /^(boot|stop|incoming) (\S+) on (\S+)(?:: (.+))?$/,
  gone: /^gone (\S+) from (\S+)$/,
  agent: /^agent of (\S+) (dies|starts)$/,
  lease: /^its Lease runs out$/,
  phase: /^(\S+) is (\w+)(?:: (\w+))?$/,
  place: /^(\S+) is on (\S+)(?: with (.+))?$/,
} as const;

/** Plays one step and waits until what it says is so. Throws with the step's line where it does not come to that. */
export async function play(stage: Stage, step: ScenarioStep): Promise<void> {
  const expectation = await perform(stage, step.words);
  await stage.settle(async () => (await expectation()) ?? (await wrongFigures(stage, step)));
  const wrong = (await expectation()) ?? (await wrongFigures(stage, step));
  if (wrong !== undefined) throw new Error(`line ${step.line}, "${step.words}": ${wrong}`);
}

async function wrongFigures(stage: Stage, { figures }: ScenarioStep): Promise<string | undefined> {
  for (const nodeName of ['node-a', 'node-b'] as const) {
    const [is, should] = [await stage.figures(nodeName), figures[nodeName]];
    for (const what of ['used', 'available'] as const)
      if (is[what] !== should[what]) return `${what} of ${nodeName} is ${is[what]}, and should be ${should[what]}`;
  }
  return undefined;
}

type Expectation = () => Promise<string | undefined>;
const NOTHING: Expectation = async () => undefined;

async function perform(stage: Stage, words: string): Promise<Expectation> {
  for (const [kind, pattern] of Object.entries(PATTERNS)) {
    const match = pattern.exec(words);
    if (match !== null) return await ACTS[kind as keyof typeof PATTERNS](stage, match.slice(1));
  }
  throw new Error(`no step is called "${words}"`);
}

type Act = (stage: Stage, parts: readonly string[]) => Promise<Expectation>;

const ACTS: Readonly<Record<keyof typeof PATTERNS, Act>> = {
  claim: async (stage, [name = '', nodeName, wish = '']) => {
    await stage.createClaim({ name, ...wishOf(wish), flavor: flavorOf(wish) }, nodeOf(nodeName));
    return NOTHING;
  },
  migrate: async (stage, [claim = '', target, name = '', type, wish]) => {
    const flavor = wish !== undefined && /vCPU/.test(wish) ? { flavor: flavorOf(wish) } : {};
    await stage.createMigration(
      { name, ...wishOf(wish ?? ''), ...flavor },
      claim,
      type as Migration['spec']['type'],
      nodeOf(target),
    );
    return NOTHING;
  },
  report: async (stage, [name = '', phase]) => {
    await stage.report(name, phase as MigrationPhase);
    return NOTHING;
  },
  decide: async (stage, [name = '', decision]) => {
    await stage.decide(name, decision as NonNullable<Migration['spec']['decision']>);
    return NOTHING;
  },
  delete: async (stage, [kind, name = '']) => {
    await (kind === 'claim' ? stage.deleteClaim(name) : stage.deleteMigration(name));
    return NOTHING;
  },
  boot: async (stage, [how, claim = '', nodeName, size]) => {
    const state = how === 'boot' ? 'Active' : how === 'stop' ? 'Stopped' : 'Arriving';
    await stage.putInstance(claim, nodeOf(nodeName), state, size === undefined ? undefined : flavorOf(size));
    return NOTHING;
  },
  gone: async (stage, [claim = '', nodeName]) => {
    await stage.removeInstance(claim, nodeOf(nodeName));
    return NOTHING;
  },
  agent: async (stage, [nodeName, what]) => {
    await (what === 'dies' ? stage.killAgent(nodeOf(nodeName)) : stage.startAgent(nodeOf(nodeName)));
    return NOTHING;
  },
  lease: async (stage) => {
    await stage.outlastLease();
    return NOTHING;
  },
  phase:
    async (stage, [name = '', phase, reason]) =>
    async () => {
      const object = (await stage.migration(name)) ?? (await stage.claim(name));
      const is = object === undefined ? 'Gone' : (object.status?.phase ?? 'Pending');
      const told = object?.status?.conditions?.find(
        ({ status, type }) => status !== 'True' && type !== 'InstanceRunning',
      );
      if (is !== phase) return `${name} is ${is} (${told?.reason}: ${told?.message})`;
      return reason === undefined || told?.reason === reason ? undefined : `${name} is ${is}: ${told?.reason}`;
    },
  place:
    async (stage, [name = '', nodeName, size]) =>
    async () => {
      const status = (await stage.claim(name))?.status;
      const { vcpus, memory } = status?.flavor ?? {};
      const is = `on ${status?.nodeName} with ${vcpus} vCPUs, ${memory}`;
      const should = size === undefined ? `on ${nodeName}` : `on ${nodeName} with ${size}`;
      return is.startsWith(should) ? undefined : `${name} is ${is}`;
    },
};

function nodeOf(name: string | undefined): NodeName {
  if (name === 'node-a' || name === 'node-b') return name;
  throw new Error(`there is no node ${name}`);
}

/** `2 vCPUs, 4Gi, 20Gi, 1 gpu` */
function flavorOf(words: string): Flavor {
  const [, vcpus, memory = '', rootDisk] = /^(\d+) vCPUs?, (\w+)(?:, (\d\w*Gi))?/.exec(words) ?? [];
  if (vcpus === undefined) throw new Error(`not a size: "${words}"; write for example 2 vCPUs, 4Gi, 20Gi`);
  return { vcpus: Number(vcpus), memory, ...(rootDisk !== undefined && { rootDisk }) };
}

function wishOf(words: string): Pick<Wish, 'gpus'> {
  const [, gpus] = /(\d+) gpus?$/.exec(words) ?? [];
  return gpus === undefined ? {} : { gpus: Number(gpus) };
}
