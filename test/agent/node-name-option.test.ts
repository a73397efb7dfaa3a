import { expect, it } from 'vitest';
import { readNodeName } from '../../src/agent/node-name-option.ts';

it.each(['worker-1', 'resource-tracker-controller-1', 'resource-tracker'])('takes the node name %s.', (given) => {
  expect(readNodeName(given)).toBe(given);
});

it.each([
  ['resource-tracker-controller', /the Lease of that name is the controller's; register the node under another name/],
  ['Worker 1', /for example worker-1/],
])('refuses the node name %s, and says what to do.', (given, message) => {
  expect(() => readNodeName(given)).toThrow(message);
});
