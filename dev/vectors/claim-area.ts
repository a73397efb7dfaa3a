import { Ledger } from '../../src/ledger/ledger.ts';
import type { ClaimRequest, Holding, Host } from '../../src/ledger/types.ts';
import type { VectorCase } from './case.ts';
import { isList, isObject, type JsonObject, NotRunnable, numberAt, objectAt } from './json.ts';
import { asksAliasKeys, deviceOf, requestsOf } from './nova-pci.ts';
import { refusalText } from './nova-text.ts';
import { type EventName, type Outcome, ran } from './outcome.ts';
import { sizeIn } from './prose.ts';
import { amountIn, amountsOf, fromUnits, GB, limitsOf, MB, type Size, VCPU } from './units.ts';

const ONE = { numerator: 1n, denominator: 1n };
/** Of the claims' own tests: node 2048 MB / 20 GB / 2 VCPU, instance 1024 MB, root 10 GB + ephemeral 5 GB, 1 VCPU. */
const USUAL_NODE = 'node 2048 MB / 20 GB / 2 VCPU';
const USUAL_INSTANCE = 'instance 1024 MB, root 10 GB + ephemeral 5 GB, 1 VCPU';

/** A bare claim: a test of an instance against limits and what is used. */
export function runClaimLimits({ inputs, given, outputs }: VectorCase): Outcome {
  if (!isObject(inputs.node) || !isObject(inputs.instance)) throw new NotRunnable('no node or instance in the inputs');
  const size = resized(sizeFrom(given, USUAL_INSTANCE, /instance .*/), inputs.instance);
  const ledger = new Ledger(hostOf(given), [usedBefore(inputs.node)]);
  return tested(ledger, requestOf(size, inputs), outputs, []);
}

/** A claim with PCI requests: the ones stored under the key that its kind looks at. */
export function runClaimPci({ inputs, given, when, outputs }: VectorCase): Outcome {
  const { requests, devices, metadata_key: key, resize } = inputs;
  const lookedAt = resize === true ? 'new_pci_requests' : 'pci_requests';
  const wanted = key === lookedAt && isList(requests) ? requests : [];
  const lacksList =
    !isList(devices) || /(?:without|no) (?:a )?PCI (?:list|tracker|device list)/i.test(`${given}; ${when}`);
  const events: EventName[] = lacksList ? ['NoDeviceList'] : [];
  const host = { ...hostOf(given), devices: isList(devices) ? devices.map(deviceOf) : [] };
  const size = resized(sizeFrom(given, USUAL_INSTANCE, /instance .*/), objectAt(inputs, 'instance'));
  const request = { ...requestOf(size, inputs), pciRequests: requestsOf(wanted) };
  if (asksAliasKeys(wanted)) events.push('AliasKeysAsked');
  if (request.pciRequests.some(({ count }) => !(count > 0))) events.push('CountNotPositive');
  return tested(new Ledger(host), request, outputs, events);
}

/** What a claim's ticket says: sizes with overhead, of the new flavor where it is for a resize. */
export function runClaimProperties({ inputs, given, when, outputs }: VectorCase): Outcome {
  if (!/^read the (?:claim )?ticket$/.test(when) || !/instance \d+ MB/.test(given))
    throw new NotRunnable('not understood');
  const flavor = /resize claim for a flavor (.*) of an instance/.exec(given)?.[1];
  const size = flavor === undefined ? sizeFrom(given, USUAL_INSTANCE, /instance .*/) : sizeFrom(flavor, '', /.*/);
  const held = heldFor({ key: 'ticket', ...requestOf(size, inputs), devices: [] });
  const ticket: JsonObject = {
    memory_mb: held.memoryMb,
    disk_gb: held.diskGb,
    vcpus: held.vcpus,
    str: `[Claim: ${held.memoryMb} MB memory, ${held.diskGb} GB disk, ${held.vcpus} VCPUS]`,
  };
  return ran(Object.fromEntries(Object.entries(ticket).filter(([key]) => key in outputs)));
}

/** The ledger keeps a copy of what was held, whatever the caller does to its own object. */
export function runClaimCopy({ when }: VectorCase): Outcome {
  if (!/caller changes the instance/.test(when)) throw new NotRunnable('not understood');
  const mine = { ...amountsOf(sizeFrom('', USUAL_INSTANCE, /.*/)) };
  const ledger = new Ledger(hostOf(''), [{ key: 'ticket', amounts: mine, overheadMemoryBytes: 0n, devices: [] }]);
  mine.memoryBytes = 0n;
  return ran({ ticket_memory: fromUnits(ledger.get('ticket')?.amounts.memoryBytes ?? 0n, MB) });
}

function tested(ledger: Ledger, request: ClaimRequest, outputs: JsonObject, events: EventName[]): Outcome {
  const decision = ledger.test(request);
  const error = decision.kind === 'rejected' ? refusalText(decision.refusals) : null;
  const counts = ledger.view().pciPools.flatMap((pool) => (pool.free > 0 ? [pool.free] : []));
  const raised = error === null ? 'ok' : 'ComputeResourcesUnavailable';
  const known: JsonObject = { ok: error === null, error, raised, pools_after: counts };
  return ran(Object.fromEntries(Object.entries(known).filter(([key]) => key in outputs)), events);
}

function hostOf(given: string): Host {
  const node = sizeFrom(given, USUAL_NODE, /node \d+ MB[^,;]*/);
  return {
    totals: amountsOf(node),
    policy: {
      reserved: { vcpus: 0n, memoryBytes: 0n, diskBytes: 0n },
      allocationRatios: { vcpus: ONE, memory: ONE, disk: ONE },
      limitPolicy: 'ClaimOnly',
    },
    devices: [],
  };
}

function sizeFrom(text: string, usual: string, part: RegExp): Size {
  return { memoryMb: 0, diskGb: 0, vcpus: 0, ...sizeIn(usual), ...sizeIn(part.exec(text)?.[0] ?? '') };
}

/** Either part of the disk may be given alone; the other is then what it usually is. */
function resized(size: Size, instance: JsonObject): Size {
  const root = numberAt(instance, 'root_gb');
  const ephemeral = numberAt(instance, 'ephemeral_gb');
  return {
    memoryMb: numberAt(instance, 'memory_mb') ?? size.memoryMb,
    diskGb: root === undefined && ephemeral === undefined ? size.diskGb : (root ?? 10) + (ephemeral ?? 5),
    vcpus: numberAt(instance, 'vcpus') ?? size.vcpus,
  };
}

function requestOf(size: Size, inputs: JsonObject): ClaimRequest {
  return {
    amounts: amountsOf(size),
    overheadMemoryBytes: amountIn(numberAt(inputs, 'overhead_mb') ?? 0, MB),
    limits: limitsOf(objectAt(inputs, 'limits')),
    pciRequests: [],
  };
}

function usedBefore(node: JsonObject): Holding {
  const used = {
    memoryMb: numberAt(node, 'memory_mb_used') ?? 0,
    diskGb: numberAt(node, 'local_gb_used') ?? 0,
    vcpus: numberAt(node, 'vcpus_used') ?? 0,
  };
  return { key: 'others', amounts: amountsOf(used), overheadMemoryBytes: 0n, devices: [] };
}

function heldFor(holding: Holding): Size {
  const { used } = new Ledger(hostOf(''), [holding]).view();
  return {
    memoryMb: fromUnits(used.memoryBytes, MB),
    diskGb: fromUnits(used.diskBytes, GB),
    vcpus: fromUnits(used.vcpus, VCPU),
  };
}
