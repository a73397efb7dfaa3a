import { describe, expect, it } from 'vitest';
import { outcomeOf } from '../../dev/audit.ts';
import { isAllowed, refused, runtimePackages } from '../../dev/licences.ts';

describe('licences', () => {
  it('of everything that runs are allowed ones', () => {
    const packages = runtimePackages(new URL('../../', import.meta.url));
    expect(packages.length).toBeGreaterThan(20);
    expect(refused(packages)).toEqual([]);
  });

  const rows: readonly [string, boolean][] = [
    ['MIT', true],
    ['(MIT OR GPL-3.0)', true],
    ['MIT AND Apache-2.0', true],
    ['MIT AND GPL-3.0', false],
    ['AGPL-3.0-only', false],
    ['SEE LICENSE IN LICENSE.md', false],
    ['', false],
  ];
  it.each(rows)('are read as SPDX expressions: %s', (expression, allowed) => {
    expect(isAllowed(expression)).toBe(allowed);
  });

  it('that a package does not give are refused', () => {
    expect(refused([{ name: 'nameless' }, { name: 'sound', licence: 'ISC' }])).toEqual([{ name: 'nameless' }]);
  });
});

describe('the audit', () => {
  const rows: readonly [string, string, ReturnType<typeof outcomeOf>][] = [
    ['without findings is sound', '{"metadata":{"vulnerabilities":{"low":0,"total":0}}}', 'sound'],
    ['with a finding is not', '{"metadata":{"vulnerabilities":{"low":0,"high":1,"total":1}}}', 'weak'],
    ['that a registry refuses says nothing', '{"message":"405 Method Not Allowed","error":{}}', 'unanswered'],
    ['that did not come back says nothing', '', 'unanswered'],
  ];
  it.each(rows)('%s', (_what, stdout, outcome) => {
    expect(outcomeOf(stdout)).toBe(outcome);
  });
});
