import fc from 'fast-check';
import { expect, it } from 'vitest';
import { baseName, freeName, isObjectName } from '../../../src/cli/adopt/claim-name.ts';

const UUID = '3f0c1d7e-9a52-4c5b-8f57-0d3b6a1e2c44';

it.each([
  ['web-1', 'web-1'],
  ['Web_1', 'web-1'],
  ['db.example.com', 'db.example.com'],
  ['-web--1-', 'web-1'],
  ['..a..b..', 'a.b'],
  ['a.-.b', 'a.b'],
  ['Müller & Söhne', 'muller-sohne'],
  ['one\ntwo\u0000three', 'one-two-three'],
  ['日本', 'instance'],
  ['', 'instance'],
  ['x'.repeat(300), 'x'.repeat(244)],
  [`${'x'.repeat(243)}-y`, 'x'.repeat(243)],
  [`${'x'.repeat(243)}.y`, 'x'.repeat(243)],
])('An instance called %j has a claim called %j.', (instanceName, expected) => {
  expect(baseName(instanceName)).toBe(expected);
});

it('Whatever an instance is called, its claim has a name that the API can have, also with a suffix, and always the same.', () => {
  const anyName = fc.oneof(fc.string({ unit: 'binary', maxLength: 300 }), fc.stringMatching(/^[A-Za-z0-9._-]{0,300}$/));
  fc.assert(
    fc.property(anyName, (instanceName) => {
      const base = baseName(instanceName);
      const names = [0, 1, 2].map((taken) => freeName(base, UUID, (name) => names3(base).indexOf(name) < taken));
      expect(names.every((name) => name !== undefined && isObjectName(name))).toBe(true);
      expect(new Set(names).size).toBe(3);
      expect(baseName(base)).toBe(base);
    }),
  );
});

function names3(base: string): readonly string[] {
  const seen: string[] = [];
  freeName(base, UUID, (name) => seen.push(name) > 0);
  return seen;
}

it.each([
  [[], 'web'],
  [['web'], 'web-3f0c1d7e'],
  [['web', 'web-3f0c1d7e'], `web-${UUID}`],
  [['web', 'web-3f0c1d7e', `web-${UUID}`], undefined],
])('Where %j are taken, it is %s.', (taken, expected) => {
  expect(freeName('web', UUID, (name) => taken.includes(name))).toBe(expected);
});

it.each([
  ['web-1.x', true],
  ['', false],
  ['Web', false],
  ['web-', false],
  ['a..b', false],
  ['x'.repeat(254), false],
])('Whether "%s" can be the name of an object: %s.', (name, expected) => {
  expect(isObjectName(name)).toBe(expected);
});
