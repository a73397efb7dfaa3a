import { expect, test } from 'vitest';
import { findCondition, setCondition } from '../../src/api/conditions.ts';

const EARLIER = new Date('2026-01-01T00:00:00.999Z');
const LATER = new Date('2026-01-02T00:00:00Z');
const READY = { type: 'Ready', status: 'True', reason: 'AllGood', message: '' } as const;

test('A new condition carries the time in whole seconds, as Kubernetes writes it.', () => {
  expect(setCondition(undefined, READY, EARLIER)).toEqual([{ ...READY, lastTransitionTime: '2026-01-01T00:00:00Z' }]);
});

test('A condition that is set again is identical, however much later.', () => {
  const once = setCondition(undefined, READY, EARLIER);
  expect(setCondition(once, READY, LATER)).toEqual(once);
});

test('Another reason or message does not move the time.', () => {
  const once = setCondition(undefined, READY, EARLIER);
  expect(setCondition(once, { ...READY, reason: 'Other', message: 'other' }, LATER)).toEqual([
    { ...READY, reason: 'Other', message: 'other', lastTransitionTime: '2026-01-01T00:00:00Z' },
  ]);
});

test('Another status moves the time.', () => {
  const once = setCondition(undefined, READY, EARLIER);
  const [changed] = setCondition(once, { ...READY, status: 'False' }, LATER);
  expect(changed?.lastTransitionTime).toBe('2026-01-02T00:00:00Z');
});

test('Conditions of other types stay as they are, and all are sorted by type.', () => {
  const others = ['NodeExists', 'AgentAlive', 'aLowerCaseOne'].reduce(
    (conditions, type) => setCondition(conditions, { ...READY, type }, EARLIER),
    setCondition(undefined, READY, EARLIER),
  );
  const conditions = setCondition(others, { ...READY, status: 'Unknown' }, LATER);
  expect(conditions.map(({ type }) => type)).toEqual(['AgentAlive', 'NodeExists', 'Ready', 'aLowerCaseOne']);
  expect(findCondition(conditions, 'AgentAlive')).toBe(findCondition(others, 'AgentAlive'));
});

test('A condition that nobody has set is not found.', () => {
  expect(findCondition(undefined, 'Ready')).toBeUndefined();
  expect(findCondition([], 'Ready')).toBeUndefined();
});
