import { readFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { readHostFile } from '../../src/drivers/fake/host-file.ts';

const GOOD = `hostname: one
totals: { vcpus: 4, memory: 8Gi, disk: 100Gi }
`;
const INSTANCE = 'uuid: 5b0d3a52-5f0e-4c52-9f9c-6a1f3c8e0001, name: a, vcpus: 1, memory: 1Gi';

const mistakes: readonly (readonly [title: string, text: string, mistake: string])[] = [
  ['no text', '', 'h.yaml:1: is empty or no mapping; write hostname: ... first'],
  ['a list', '- 1', 'h.yaml:1: is empty or no mapping; write hostname: ... first'],
  ['no name', 'totals: {memory: 1Gi, disk: 0}', 'h.yaml:1: hostname: is missing; write a text (put numbers in quotes)'],
  ['a number as name', GOOD.replace('one', '1'), 'h.yaml:1: hostname: 1 is not a text (put numbers in quotes)'],
  ['no memory', GOOD.replace('memory: 8Gi,', ''), 'h.yaml:2: totals.memory: is missing; write an amount such as 64Gi'],
  ['no amount', GOOD.replace('8Gi', 'much'), 'h.yaml:2: totals.memory: "much" is not a quantity'],
  ['half a byte', GOOD.replace('8Gi', '"0.5"'), 'h.yaml:2: totals.memory: "0.5" is not a whole number of bytes'],
  ['less than nothing', GOOD.replace('8Gi', '-1Gi'), 'h.yaml:2: totals.memory: "-1Gi" is below 0'],
  [
    'half a CPU',
    GOOD.replace('vcpus: 4', 'vcpus: 1.5'),
    'h.yaml:2: totals.vcpus: 1.5 is not a whole number, 0 or above',
  ],
  ['an unknown field', `${GOOD}memory: 1Gi`, 'h.yaml:3: memory: is not known; known here: hostname,'],
  [
    'an unknown field of an instance',
    `${GOOD}instances:\n  - {${INSTANCE}, colour: red}`,
    'h.yaml:4: instances[0].colour: is not known',
  ],
  [
    'a UUID twice',
    `${GOOD}instances:\n  - {${INSTANCE}}\n  - {${INSTANCE}}`,
    'h.yaml:5: instances[1].uuid: "5b0d3a52-5f0e-4c52-9f9c-6a1f3c8e0001" is there already',
  ],
  [
    'a UUID in upper case',
    `${GOOD}instances:\n  - {${INSTANCE.replace('5b0d', '5B0D')}}`,
    'h.yaml:4: instances[0].uuid: "5B0D3a52-5f0e-4c52-9f9c-6a1f3c8e0001" is not a UUID in lower case',
  ],
  [
    'a state that is none',
    `${GOOD}instances:\n  - {${INSTANCE}, vmState: running}`,
    'h.yaml:4: instances[0].vmState: "running" is not one of Building, Active',
  ],
  [
    'a task that is none',
    `${GOOD}instances:\n  - {${INSTANCE}, taskState: migrating}`,
    'h.yaml:4: instances[0].taskState: "migrating" is not one of Spawning, Migrating',
  ],
  [
    'an ID that YAML takes for a number',
    `${GOOD}devices:\n  - {address: "0000:3b:00.0", vendorID: 8086, productID: "20b5"}`,
    'h.yaml:4: devices[0].vendorID: 8086 is not four lower-case hex digits in quotes',
  ],
  [
    'an address that is none',
    `${GOOD}devices:\n  - {address: "3b:00.0", vendorID: "8086", productID: "20b5"}`,
    'h.yaml:4: devices[0].address: "3b:00.0" is not a PCI address',
  ],
  [
    'CPU counters that are fractions',
    `${GOOD}cpuCounters: {user: 0.5, kernel: 1, idle: 1, iowait: 1, frequencyMhz: 800}`,
    'h.yaml:3: cpuCounters.user: 0.5 is not a whole number, 0 or above',
  ],
  [
    'CPU counters of which one is missing',
    `${GOOD}cpuCounters: {user: 1, kernel: 1, idle: 1, frequencyMhz: 800}`,
    'h.yaml:3: cpuCounters.iowait: is missing; write a whole number, 0 or above',
  ],
  ['devices that are no list', `${GOOD}devices: all`, 'h.yaml:3: devices: "all" is not a list'],
  [
    'a fault that is none',
    `${GOOD}faults: {disconnected: maybe}`,
    'h.yaml:3: faults.disconnected: "maybe" is not true or false',
  ],
  [
    'a key that no report has',
    `${GOOD}faults: {omit: [memory]}`,
    'h.yaml:3: faults.omit[0]: "memory" is not one of hostname, cpuInfo, totals, used, instances',
  ],
];

it.each(mistakes)('%s is told with its line and field', (_title, text, mistake) => {
  const file = readHostFile(text, 'h.yaml');
  expect(file.kind === 'mistakes' ? file.mistakes.join('\n') : 'no mistake').toContain(mistake);
});

it('an instance that arrives by a live migration is paused and migrating', () => {
  const arriving = `${GOOD}instances:\n  - {${INSTANCE}, vmState: Paused, taskState: Migrating}`;
  expect(readHostFile(arriving, 'h.yaml')).toMatchObject({
    state: { host: { instances: [{ vmState: 'Paused', taskState: 'Migrating' }] } },
  });
});

it('what is no YAML is told with its line', () => {
  expect(readHostFile('hostname: [', 'h.yaml')).toMatchObject({ kind: 'mistakes', mistakes: [/^h\.yaml:1: /] });
});

it('all mistakes are told at once, in the order of the file', () => {
  const file = readHostFile('hostname: 1\ntotals: {memory: x, disk: y}\nfoo: 1', 'h.yaml');
  const lines = file.kind === 'mistakes' ? file.mistakes.map((mistake) => mistake.split(':')[1]) : [];
  expect(lines).toEqual(['1', '2', '2', '3']);
});

it('aliases that would fill the memory are a mistake', () => {
  const bomb = `a: &a [x,x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]`;
  expect(readHostFile(bomb, 'h.yaml').kind).toBe('mistakes');
});

it('the example is a good host', async () => {
  const text = await readFile(new URL('../../examples/hosts/fake.yaml', import.meta.url), 'utf8');
  const file = readHostFile(text, 'fake.yaml');
  expect(file).toMatchObject({
    kind: 'read',
    state: {
      host: { hostname: 'fake-1', totals: { vcpus: 32n, memoryBytes: 128n << 30n, diskBytes: 2n << 40n } },
      faults: { disconnected: false, auditDelayMs: 0 },
    },
  });
});
