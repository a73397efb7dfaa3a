import { expect, it } from 'vitest';
import { Peers } from '../../src/protocol/peers.ts';

it('what was seen of a peer before the clock was set back proves nothing, and is looked for anew', () => {
  const peers = new Peers();
  const beforeMs = 10_000_000;
  peers.pulseOf('node-b', beforeMs);
  expect(peers.looks(beforeMs)).toEqual([{ kind: 'readPeer', nodeName: 'node-b' }]);
  peers.read('node-b', { kind: 'missing' }, beforeMs);
  expect(peers.pulseOf('node-b', beforeMs)).toBe('Dead');
  const afterMs = beforeMs - 3_600_000;
  expect(peers.pulseOf('node-b', afterMs)).toBe('Unknown');
  expect(peers.looks(afterMs)).toEqual([{ kind: 'readPeer', nodeName: 'node-b' }]);
});
