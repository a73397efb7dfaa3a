/** The sum of the lines, by the agent's own ledger, and whether ComputeNode.status says the same. Pure. */
import type { Amounts as ApiAmounts, ComputeNode, Quantity } from '../../api/generated/v1alpha1.ts';
import { Ledger } from '../../ledger/ledger.ts';
import type { HostFigures } from '../../ledger/limits.ts';
import type { HostTotals, NodePolicy } from '../../ledger/types.ts';
import { bytesOf } from '../../protocol/readable.ts';
import { effectivePolicy } from '../../protocol/settings.ts';
import { type DeviceDifference, deviceDifferences } from './devices.ts';
import { type Line, linesOf } from './lines.ts';
import type { NodeView } from './node-view.ts';
import { likelyReasons } from './reasons.ts';

export type FigureName = 'used' | 'free' | 'limit' | 'available';
export const FIGURES = ['used', 'free', 'limit', 'available'] as const satisfies readonly FigureName[];
export type Figures = Readonly<Record<FigureName, HostFigures>>;

/** A figure that ComputeNode.status has otherwise; what it lacks is undefined. */
export interface Difference {
  readonly figure: FigureName;
  readonly resource: keyof HostFigures;
  readonly summed: bigint;
  readonly published: bigint | undefined;
}

export interface Explanation {
  readonly nodeName: string;
  readonly policy: NodePolicy;
  readonly lines: readonly Line[];
  readonly sums: Figures;
  readonly published: Readonly<Record<FigureName, Partial<HostFigures>>>;
  readonly differences: readonly Difference[];
  readonly deviceDifferences: readonly DeviceDifference[];
  /** Why they may differ, the likeliest first; empty where nothing does. */
  readonly reasons: readonly string[];
}

/** Adds up what the API server tells that a node holds. */
export function explain(view: NodeView): Explanation {
  const policy = policyOf(view.node);
  const lines = linesOf(view, policy);
  const totals = totalsOf(view.node);
  const holdings = lines.map(({ holding }) => holding);
  const sums = new Ledger({ totals, policy, devices: [] }, holdings).view();
  const published = publishedFigures(view.node);
  const found = differencesOf(sums, published);
  const ofDevices = deviceDifferences(view.node, lines);
  const differs = found.length + ofDevices.length > 0;
  return {
    nodeName: view.node.metadata.name ?? '',
    policy,
    lines,
    sums,
    published,
    differences: found,
    deviceDifferences: ofDevices,
    reasons: differs ? likelyReasons(view.node, lines) : [],
  };
}

const NO_POLICY: NodePolicy = {
  reserved: { vcpus: 0n, memoryBytes: 0n, diskBytes: 0n },
  allocationRatios: {
    vcpus: { numerator: 1n, denominator: 1n },
    memory: { numerator: 1n, denominator: 1n },
    disk: { numerator: 1n, denominator: 1n },
  },
  limitPolicy: 'Capped',
};

/** What the agent says is in force is read as if it were the spec's: all of it is there. */
function policyOf({ status }: ComputeNode): NodePolicy {
  return effectivePolicy(status?.effective, NO_POLICY);
}

function totalsOf({ status }: ComputeNode): HostTotals {
  const { vcpus, memoryBytes = 0n, diskBytes = 0n } = figuresOf(status?.total);
  return { ...(vcpus !== undefined && { vcpus }), memoryBytes, diskBytes };
}

function publishedFigures({ status }: ComputeNode): Explanation['published'] {
  return {
    used: figuresOf(status?.used),
    free: figuresOf(status?.free),
    limit: figuresOf(status?.limit),
    available: figuresOf(status?.available),
  };
}

/** Negative ones, too; what cannot be read is absent. */
function figuresOf(amounts: ApiAmounts | undefined): Partial<HostFigures> {
  const { vcpus } = amounts ?? {};
  const [memoryBytes, diskBytes] = [signedBytes(amounts?.memory), signedBytes(amounts?.disk)];
  return {
    ...(Number.isSafeInteger(vcpus) && { vcpus: BigInt(vcpus ?? 0) }),
    ...(memoryBytes !== undefined && { memoryBytes }),
    ...(diskBytes !== undefined && { diskBytes }),
  };
}

function signedBytes(quantity: Quantity | undefined): bigint | undefined {
  const isNegative = String(quantity).startsWith('-');
  const magnitude = bytesOf(isNegative ? String(quantity).slice(1) : quantity);
  return magnitude !== undefined && isNegative ? -magnitude : magnitude;
}

/** In the order in which refusals are told. */
export const RESOURCES = ['memoryBytes', 'diskBytes', 'vcpus'] as const satisfies readonly (keyof HostFigures)[];

function differencesOf(sums: Figures, published: Explanation['published']): Difference[] {
  return FIGURES.flatMap((figure) =>
    RESOURCES.flatMap((resource) => {
      const [summed, said] = [sums[figure][resource], published[figure][resource]];
      return summed === undefined || summed === said ? [] : [{ figure, resource, summed, published: said }];
    }),
  );
}
