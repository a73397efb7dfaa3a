import { describe, expect, it } from 'vitest';
import { AGENT_OPTIONS } from '../../src/agent/options.ts';

const fraction = (numerator: bigint, denominator: bigint) => ({ numerator, denominator });
const ALL = {
  formula: 'xen',
  times: fraction(2n, 1n),
  fixedBytes: 1n,
  perVcpuBytes: 1024n,
  memoryRatio: fraction(1n, 1n),
};
const read = (value: unknown) => AGENT_OPTIONS.overhead.read(value);

describe('the option overhead', () => {
  it.each([
    ['a formula on the command line', 'kubevirt', { formula: 'kubevirt' }],
    [
      'a map on the command line',
      '{fixed: 64Mi, ratio: "0.02"}',
      { fixedBytes: 64n << 20n, memoryRatio: fraction(1n, 50n) },
    ],
    ['a ratio that YAML took for a number', { ratio: 0.02 }, { memoryRatio: fraction(1n, 50n) }],
    ['all parts in the file', { formula: 'xen', times: 2, fixed: 1, perVcpu: '1Ki', ratio: 1 }, ALL],
    ['nothing', '{}', {}],
  ])('takes %s', (_what, value, overhead) => {
    expect(read(value)).toEqual(overhead);
  });

  it.each([
    ['a formula that there is not', 'vmware', /^must be the name of a formula \(xen, kubevirt\) or a map, for example/],
    ['an amount alone', '64', /^must be a map, for example \{fixed: 64Mi/],
    ['a list', [], /^must be a map/],
    ['an unknown part', { fxed: 1 }, /^fxed is not known; known are formula, times, fixed, perVcpu, ratio$/],
    ['the name of what every object has', { constructor: 1 }, /^constructor is not known/],
    ['a negative amount', { fixed: '-1' }, /^fixed must not be negative/],
    ['a ratio of zero', { ratio: '0' }, /^ratio .*above zero/],
    ['a factor without a formula', { times: '1.5', fixed: 1 }, /^times needs a formula .*xen or kubevirt/],
  ])('refuses %s', (_what, value, message) => {
    expect(() => read(value)).toThrow(message);
  });
});
