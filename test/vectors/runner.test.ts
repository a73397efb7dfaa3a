import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, test } from 'vitest';
import { parseCases, type VectorCase } from '../../dev/vectors/case.ts';
import { runFile } from '../../dev/vectors/file.ts';
import { judge, type Verdict } from '../../dev/vectors/run.ts';
import { told } from '../../dev/vectors/tracker-area.ts';

const FILE = fileURLToPath(new URL('nova-2014.1.json', import.meta.url));
const content = readFileSync(FILE, 'utf8');
const cases = parseCases(content);
const all = new Map(cases.map((subject) => [subject.id, subject]));
const folder = mkdtempSync(join(tmpdir(), 'vectors-'));
afterAll(() => rmSync(folder, { recursive: true }));

async function run(text: string): Promise<{ readonly code: number; readonly printed: string }> {
  const file = join(folder, 'cases.json');
  writeFileSync(file, text);
  const lines: string[] = [];
  const code = await runFile(file, (line) => lines.push(line));
  return { code, printed: lines.join('\n') };
}

/** The file with one case's outputs changed. */
function doctored(id: string, outputs: Record<string, unknown>): string {
  const entries: { id: string; numbers: { out: Record<string, unknown> } }[] = JSON.parse(content);
  for (const entry of entries) if (entry.id === id) Object.assign(entry.numbers.out, outputs);
  return JSON.stringify(entries);
}

async function verdictOf(changes: Partial<VectorCase>): Promise<Verdict['kind']> {
  const subject = { id: 'XX-01', area: 'claim.limits', given: '', when: '', inputs: {}, outputs: {}, ...changes };
  return (await judge(subject, all)).kind;
}

describe("Nova's cases", () => {
  test('leave no difference unexplained', async () => {
    const { code, printed } = await run(content);
    expect(printed).not.toContain('UNEXPLAINED');
    expect(code).toBe(0);
  });

  /** So that a case which can no longer be run does not go unnoticed. */
  test('are run as far as they were when this was written', async () => {
    const verdicts = await Promise.all(cases.map((subject) => judge(subject, all)));
    const counts = Object.entries(Object.groupBy(verdicts, ({ kind }) => kind));
    expect(Object.fromEntries(counts.map(([kind, list]) => [kind, list?.length]))).toEqual({
      asGiven: 127,
      partly: 5,
      explained: 38,
      prose: 3,
      outside: 14,
    });
  });
});

describe('a wrong figure is found', () => {
  test.each([
    ['a refusal that should be a grant', 'CL-06', { ok: true }],
    [
      'another text of a refusal',
      'CL-26',
      { error: 'Insufficient compute resources: Free disk 0.60 GB < requested 1 GB.' },
    ],
    ['another sum', 'RC-06', { mem: 6 }],
    ['a migration that should not be held', 'MG-01', { mem: 0 }],
    ['a device in another state', 'PM-21', { state: [['.1', 'available', null]] }],
    ['a counter', 'ST-05', { io: 1 }],
    ['a limit', 'SC-02', { disk_gb: 99.5 }],
    ['an orphan', 'OR-01', { mem: 11 }],
    ['a quirk that is explained, but with another figure', 'PP-28', { pools: [['v1', 'p1', { k1: 'x' }, 2]] }],
    ['a figure that a report must have, as one that it may lack', 'AU-08', { memory_mb: 'ok' }],
    ['a record that is created twice', 'AU-13', { created: 2 }],
    ['a driver that tells nothing, as one that is tracked', 'AU-09', { disabled: false }],
    ['an untracked claim that counts', 'IC-21', { memory: 1 }],
    ['a claim on another node', 'IC-02', { node: 'elsewhere' }],
    ['an ID of no hexadecimal digits that is taken', 'PR-06', { raised: 'ok' }],
    ['an alias without a name that is taken', 'PR-10', { raised: 'ok' }],
    ['a whitelist with a key of its own that is taken', 'PW-05', { raised: 'ok' }],
    ['an address that is none', 'PW-11', { '0000:04:12.6': 'PciDeviceWrongAddressFormat' }],
    ['a device that matches nothing', 'PW-12', { none: true }],
    ['a state from which a device cannot be attached', 'PD-02', { removed: 'ok' }],
    ['a device that is attached as soon as it is claimed', 'PD-11', { after_claim: 1 }],
    ['a pool with another count', 'TP-01', { pci_stats: [] }],
    ['a nested figure', 'IC-14', { after: { mem: 8, disk: 2, vcpus: 1 } }],
    ['a monitor that should not run', 'MO-04', { chosen: ['M1', 'M3'] }],
    ['a share of the CPUs', 'MO-10', { 'cpu.percent': 0.7 }],
    ['a reading too many', 'MO-11', { reads: [1, 2, 2] }],
    ['a metric that is missing', 'MT-04', { metrics: ['k1'] }],
    ['an overhead', 'OV-02', { '4096/4': 40 }],
    ['a task that is no I/O', 'ST-06', { io: 1 }],
    ['a counter that has moved', 'ST-17', { num_instances: 2 }],
  ])('%s', async (_what, id, outputs) => {
    const { code, printed } = await run(doctored(id, outputs));
    expect(printed).toContain(`${id} [${all.get(id)?.area}] UNEXPLAINED`);
    expect(code).toBe(1);
  });
});

test('RC-11: a migration of an instance that is in no resize is skipped', () => {
  const world = told('node 5 MB / 6 GB / 1 VCPU; incoming migration', {});
  Object.assign(world.theInstance(), { vmState: 'active', taskState: null });
  world.audit();
  expect(world.tracker.view()).toMatchObject({ mem: 0, disk: 0, vcpus: 0, migrations: 0 });
});

describe('what cannot be run is never a pass', () => {
  test.each([
    ['inputs that lack what is needed', { area: 'claim.limits', outputs: { ok: true } }, 'prose'],
    [
      'words that are not understood',
      { area: 'claim.instance', when: 'the moon is full', outputs: { mem: 0 } },
      'prose',
    ],
    [
      'a reference to a case that is missing',
      { area: 'resize.claim', given: 'as RC-99', when: 'audit', outputs: { mem: 0 } },
      'prose',
    ],
    ['an unknown area', { area: 'quantum', outputs: { ok: true } }, 'prose'],
    ['outputs of other rooms only', { area: 'audit.init', when: 'audit', outputs: { host_ip: '1.2.3.4' } }, 'outside'],
    [
      'a figure that depends on a size that is not told',
      { area: 'claim.instance', when: 'claim', outputs: { mem: 77 } },
      'undecided',
    ],
    [
      'a figure that does not',
      { area: 'claim.instance', when: 'claim 5 MB, 1 GB, 1 VCPU', outputs: { disk: 2 } },
      'unexplained',
    ],
    [
      'readings without counters',
      { area: 'monitors.cpu', when: 'first reading', outputs: { 'cpu.percent': 0 } },
      'prose',
    ],
    [
      'task states that are not told',
      { area: 'stats.io', given: 'task states that look like I/O', when: 'io_workload', outputs: { io: 0 } },
      'prose',
    ],
    [
      'an overhead formula that is not known',
      { area: 'overhead', given: 'another overhead formula', when: 'pairs', outputs: { '1/1': 5 } },
      'prose',
    ],
  ] as const)('%s', async (_what, changes, kind) => {
    expect(await verdictOf(changes)).toBe(kind);
  });
});

test.each([
  ['{}', 'the file must hold a list of cases'],
  ['[1]', 'entry 0 is not an object'],
  ['[{"id": "A-1"}]', 'entry 0: id, area, given and when must be texts'],
])('a file that is not one of cases is refused: %s', async (text, message) => {
  await expect(run(text)).rejects.toThrow(message);
});
