import type { InstanceClaim } from '../../../src/api/generated/v1alpha1.ts';
import { Ledger, type LedgerView } from '../../../src/ledger/ledger.ts';
import type { Host } from '../../../src/ledger/types.ts';
import { heldFor } from '../../../src/protocol/held.ts';
import { interleaved, median, timed } from '../rounds.ts';
import type { Measurement, Row } from '../row.ts';
import { grantedClaim, migratingClaim, pciDevices, SETTINGS, TrackerWorld } from '../tracker-world.ts';

const ROUNDS = 60;
const LARGE = { claims: 1_000, migrations: 100, devices: 256 };
const SMALL = { claims: 100, migrations: 10, devices: 26 };

/** From the claims' objects and the host's report to all figures of the node. */
export const ledgerRebuild: Row = {
  name: 'ledger-rebuild',
  target: { ratioAtMost: 12, measuredAtMost: 5 },
  measure: async (): Promise<Measurement> => {
    const [large, small] = [sceneOf(LARGE), sceneOf(SMALL)];
    const figures = await interleaved(ROUNDS, {
      measured: () => timed(() => rebuild(large)),
      reference: () => timed(() => rebuild(small)),
    });
    return {
      ...figures,
      unit: 'ms',
      note:
        'from the parsed objects to every figure that is published: 1,000 claims, of which 100 in a migration, 256 PCI devices, ' +
        'half of them held; the reference is the same with a tenth of each. A whole audit of the large one by the tracker, ' +
        `which also looks at each claim's conditions and compares the status: ${auditMs(large).toFixed(1)} ms.`,
    };
  },
};

interface Scene {
  readonly claims: readonly InstanceClaim[];
  readonly host: Host;
}

function sceneOf({ claims, migrations, devices: deviceCount }: typeof LARGE): Scene {
  const devices = pciDevices(deviceCount);
  // Functions of their own, as a physical one would take its virtual ones along.
  const given = devices.filter(({ deviceType }, index) => deviceType === 'VF' && index % 2 === 0);
  const objects = Array.from({ length: claims }, (_, index) =>
    index < migrations ? migratingClaim(index, given[index]?.address) : grantedClaim(index, given[index]?.address),
  );
  const totals = { vcpus: 1024n, memoryBytes: 1n << 44n, diskBytes: 1n << 50n };
  return { claims: objects, host: { totals, policy: SETTINGS.defaults, devices } };
}

function rebuild({ claims, host }: Scene): LedgerView {
  return new Ledger(
    host,
    claims.flatMap((claim) => heldFor(claim, SETTINGS)),
  ).view();
}

function auditMs({ claims, host }: Scene): number {
  const world = new TrackerWorld(claims, host.devices);
  const durations = Array.from({ length: ROUNDS }, () => {
    const startedAtMs = performance.now();
    world.audit();
    return performance.now() - startedAtMs;
  });
  return median(durations);
}
