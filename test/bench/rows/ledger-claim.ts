import { interleaved } from '../rounds.ts';
import type { Measurement, Row } from '../row.ts';
import { grantedClaim, pciDevices, pendingClaim, TrackerWorld } from '../tracker-world.ts';

const ROUNDS = 40;
/** One claim takes less than a clock's tick is worth. */
const CLAIMS_PER_ROUND = 10;
const DEVICES = 64;

/** One claim from being seen to its grant accepted, all of the agent's work in between, without the API server's. */
export const ledgerClaim: Row = {
  name: 'ledger-claim',
  target: { ratioAtMost: 1.5 },
  measure: async (): Promise<Measurement> => {
    const figures = await interleaved(ROUNDS, { measured: () => claimMicros(1_000), reference: () => claimMicros(10) });
    return {
      ...figures,
      unit: 'us',
      note:
        'one claim through the whole tracker: seen, tested, held, ComputeNode.status put together, the grant accepted, with ' +
        `${DEVICES} PCI devices on the host; on a node with 1,000 instances against one with 10.`,
    };
  },
};

function claimMicros(instances: number): number {
  const granted = Array.from({ length: instances }, (_, index) => grantedClaim(index));
  const world = new TrackerWorld(granted, pciDevices(DEVICES));
  const wanted = Array.from({ length: CLAIMS_PER_ROUND }, (_, index) => pendingClaim(instances + index));
  const startedAtMs = performance.now();
  for (const claim of wanted) world.claim(claim);
  return ((performance.now() - startedAtMs) * 1000) / CLAIMS_PER_ROUND;
}
