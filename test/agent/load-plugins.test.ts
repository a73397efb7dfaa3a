import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadPlugins } from '../../src/agent/load-plugins.ts';
import { Ledger } from '../../src/ledger/ledger.ts';
import { chooseMonitors } from '../../src/monitors/choose-monitors.ts';
import { MonitorReader } from '../../src/monitors/monitor-reader.ts';
import { PLAIN_HOST } from '../ledger/hosts.ts';

const EXAMPLE = fileURLToPath(new URL('../../examples/plugins/host-load.ts', import.meta.url));
const GIB = 1n << 30n;

describe('the example', () => {
  it('has a monitor that runs and can be read', async () => {
    const { monitors } = await loadPlugins([EXAMPLE]);
    const { chosen, refused } = chooseMonitors(monitors, ['load']);
    expect(refused).toEqual([]);
    const reader = new MonitorReader({ monitors: chosen, wallClock: Date.now });
    const { figures, outcomes } = await reader.read(new AbortController().signal);
    expect(outcomes).toEqual([{ monitor: 'load', kind: 'read' }]);
    expect(figures.map(({ name }) => name)).toEqual(['load.short', 'load.long', 'load.busy']);
  });

  it('has statistics that count', async () => {
    const { statistics } = await loadPlugins([EXAMPLE]);
    const facts = { vmState: null, taskState: null, osType: null, project: null };
    const holdings = [1n, 8n, 64n, 128n].map((gib, index) => ({
      key: `${index}`,
      amounts: { vcpus: 1n, memoryBytes: gib * GIB, diskBytes: 0n },
      overheadMemoryBytes: 0n,
      devices: index === 3 ? ['0000:01:00.0', '0000:02:00.0'] : [],
      facts,
    }));
    expect(new Ledger(PLAIN_HOST, holdings, statistics).view().customStats).toEqual({
      counters: {
        'passthrough.devices': 2,
        'passthrough.instances': 1,
        'sizes.large': 2,
        'sizes.medium': 1,
        'sizes.small': 1,
      },
      faults: [],
    });
  });

  it('may be named from the working directory', async () => {
    const { monitors } = await loadPlugins([relative(process.cwd(), EXAMPLE)]);
    expect(monitors.map(({ name }) => name)).toEqual(['load']);
  });
});

describe('a plug-in module', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'rt-plugins-'));
  });
  afterAll(() => rm(folder, { recursive: true }));

  /** Modules are loaded once: each has a name of its own. */
  const write = async (name: string, code: string): Promise<string> => {
    const path = join(folder, `${name}.mjs`);
    await writeFile(path, code);
    return path;
  };

  it('may have either list alone, and several come in their order', async () => {
    const one = await write(
      'one',
      'export const monitors = [{ name: "a", metrics: [], read: () => ({ values: {} }) }];',
    );
    const two = await write('two', 'export const statistics = [{ name: "b", count: () => ({}) }];');
    const { monitors, statistics } = await loadPlugins([two, one]);
    expect([monitors.map(({ name }) => name), statistics.map(({ name }) => name)]).toEqual([['a'], ['b']]);
  });

  it.each([
    [
      'is-missing',
      undefined,
      /^--plugins: .*is-missing\.mjs: .*(?:Cannot find|not found|does not exist|Failed to load)/,
    ],
    ['is-no-code', 'export const = 1;', /^--plugins: .*is-no-code\.mjs: /],
    ['throws', 'throw new Error("no such card");', /^--plugins: .*throws\.mjs: no such card$/],
    ['exports-nothing', 'export const monitor = 1;', /: it must export a list monitors or statistics, for example/],
    ['has-no-list', 'export const monitors = {};', /: its monitors must be a list, for example: export const monitors/],
    ['has-no-monitor', 'export const monitors = [null];', /: entry 0 of its monitors must have a name, metrics and a/],
    ['has-no-read', 'export const monitors = [{ name: "a" }];', /: entry 0 of its monitors must have/],
    [
      'has-no-count',
      'export const statistics = [{ name: "a" }];',
      /: entry 0 of its statistics must have a name and a/,
    ],
    [
      'has-a-dot',
      'export const statistics = [{ name: "a.b", count: () => ({}) }];',
      /: the statistic "a.b" must be named by letters/,
    ],
    [
      'has-one-twice',
      'const count = () => ({}); export const statistics = [{ name: "a", count }, { name: "a", count }];',
      /^--plugins: two statistics are named a; rename one of them$/,
    ],
  ])('that %s is refused with one line', async (name, code, message) => {
    const path = code === undefined ? join(folder, `${name}.mjs`) : await write(name, code);
    await expect(loadPlugins([path])).rejects.toMatchObject({
      name: 'ConfigError',
      message: expect.stringMatching(message),
    });
  });
});
