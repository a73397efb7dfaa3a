/** Which processes use how much of the machine: at hundreds of claims a second, that is what limits the rate. */
import { readFile } from 'node:fs/promises';
import { cpus } from 'node:os';

const LOOK_MS = 500;
/** The kernel counts in these, whatever its own tick is. */
const TICKS_PER_SECOND = 100;
/** Of /proc/<pid>/stat behind the name in brackets. */
const [USER_TICKS, SYSTEM_TICKS] = [11, 12];

/** Process ids by role. Those of ended processes are left out; others come in their place. */
export type Roles = () => Readonly<Record<string, readonly (number | undefined)[]>>;

export class CpuShares {
  readonly #roles: Roles;
  readonly #startedAtMs = performance.now();
  readonly #machineBefore = machineTimes();
  readonly #seen = new Map<number, { readonly role: string; readonly first: number; last: number }>();
  readonly #timer: NodeJS.Timeout;
  #looking: Promise<void> = Promise.resolve();
  #looks = 0;

  /** Looks again and again until `stop`. */
  constructor(roles: Roles) {
    this.#roles = roles;
    this.#timer = setInterval(() => {
      this.#looking = this.#look();
    }, LOOK_MS);
  }

  /** Percent of all cores since the beginning, by role, and of everything that runs on the machine. */
  async stop(): Promise<Readonly<Record<string, number>>> {
    clearInterval(this.#timer);
    await this.#looking;
    const shares: Record<string, number> = {};
    const availableSeconds = ((performance.now() - this.#startedAtMs) / 1000) * cpus().length;
    for (const { role, first, last } of this.#seen.values())
      shares[role] = (shares[role] ?? 0) + ((last - first) / availableSeconds) * 100;
    shares['the whole machine'] = busyShare(this.#machineBefore, machineTimes());
    return Object.fromEntries(Object.entries(shares).map(([role, share]) => [role, Math.round(share)]));
  }

  async #look(): Promise<void> {
    const isFirst = this.#looks === 0;
    this.#looks += 1;
    for (const [role, pids] of Object.entries(this.#roles()))
      for (const pid of pids) {
        const seconds = pid === undefined ? undefined : await cpuSecondsOf(pid);
        if (pid === undefined || seconds === undefined) continue;
        const known = this.#seen.get(pid);
        // Of those that are started meanwhile, the start counts, too.
        if (known === undefined) this.#seen.set(pid, { role, first: isFirst ? seconds : 0, last: seconds });
        else known.last = seconds;
      }
  }
}

function machineTimes(): { readonly busy: number; readonly all: number } {
  const sum = { busy: 0, all: 0 };
  for (const { times } of cpus()) {
    const all = times.user + times.nice + times.sys + times.idle + times.irq;
    sum.all += all;
    sum.busy += all - times.idle;
  }
  return sum;
}

function busyShare(before: ReturnType<typeof machineTimes>, after: ReturnType<typeof machineTimes>): number {
  return ((after.busy - before.busy) / Math.max(after.all - before.all, 1)) * 100;
}

/** Undefined: there is no such process any more, or this is not Linux. */
async function cpuSecondsOf(pid: number): Promise<number | undefined> {
  try {
    const fields = (await readFile(`/proc/${pid}/stat`, 'utf8')).split(') ').at(-1)?.split(' ') ?? [];
    return (Number(fields[USER_TICKS]) + Number(fields[SYSTEM_TICKS])) / TICKS_PER_SECOND;
  } catch {
    return undefined;
  }
}
