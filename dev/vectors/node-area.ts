/** Cases of the driver's report, of the published record, and of a tracker that is disabled: run on the protocol and on the check of reports. */
import { fakeHost, reportOf } from '../../src/drivers/fake/fake-host.ts';
import { reportFaults } from '../../src/drivers/report-faults.ts';
import type { VectorCase } from './case.ts';
import { type JsonObject, NotRunnable } from './json.ts';
import { claimFor, NodeWorld } from './node-world.ts';
import { type EventName, type Outcome, ran } from './outcome.ts';

/** Where a driver's key of Nova's is in a report. */
const KEYS: Readonly<Record<string, string>> = {
  vcpus: 'totals.vcpus',
  memory_mb: 'totals.memoryBytes',
  local_gb: 'totals.diskBytes',
  cpu_info: 'cpuInfo',
  vcpus_used: 'used.vcpus',
  memory_mb_used: 'used.memoryBytes',
  local_gb_used: 'used.diskBytes',
};

/** A report without one key after another. */
export function runReportKeys({ outputs }: VectorCase): Outcome {
  const actual = Object.keys(outputs).map((key) => {
    const path = KEYS[key];
    if (path === undefined) throw new NotRunnable(`a report has nothing like ${key}`);
    const faults = reportFaults(without(reportOf(fakeHost()), path.split('.')));
    // It must be the error of this very key.
    return [key, faults?.includes(path) === true ? 'InvalidInput' : 'ok'] as const;
  });
  return ran(Object.fromEntries(actual), ['OptionalFigureMissing']);
}

function without(report: object, [key = '', ...rest]: readonly string[]): object {
  const { [key]: left, ...others } = report as Record<string, unknown>;
  return rest.length > 0 && typeof left === 'object' && left !== null
    ? { ...others, [key]: without(left, rest) }
    : others;
}

/** A driver that returns nothing, with or without a claim. */
export function runDisabled({ given, when, outputs }: VectorCase): Outcome {
  if (/no service record/.test(given))
    return {
      kind: 'outside',
      why: 'there are no service records: an agent is what serves its node, and needs no other leave',
    };
  if (!/driver (?:returns nothing|without resource reporting)/.test(given))
    throw new NotRunnable(`not understood: "${given}"`);
  const world = new NodeWorld();
  world.cannotReport();
  const isClaimed = /^claim\b/.test(when);
  if (isClaimed) world.create(claimFor('i1'));
  const { status } = world.claim('i1') ?? {};
  if (isClaimed) world.delete('i1');
  const known = {
    disabled: world.condition('TrackingEnabled') === 'False',
    host: status?.hostname ?? null,
    memory: world.node?.status?.used?.memory === undefined ? 0 : -1,
    update: world.claim('i1') === undefined ? 'ok' : 'still there',
  };
  return asked(outputs, known, ['HostnameUnknown']);
}

/** The record is created where there is none of the node's name, and written when it changes. */
export function runNodeRecord({ given, outputs }: VectorCase): Outcome {
  const world = new NodeWorld(...(/record of another name/.test(given) ? ['another'] : []));
  world.audit();
  world.writes = 0;
  world.audit();
  const events: EventName[] = world.writes === 0 ? ['RecordUnchanged'] : [];
  return asked(outputs, { created: world.created, writes_after_second_audit: world.writes }, events);
}

/** What a claim is told of where it is. Undefined where a case asks for something else. */
export function runPlace({ when, outputs }: VectorCase): Outcome | undefined {
  if (when !== 'claim' || !Object.keys(outputs).every((key) => ['host', 'node', 'launched_on'].includes(key)))
    return undefined;
  const world = new NodeWorld();
  world.audit();
  world.create(claimFor('i1'));
  const { hostname, nodeName, launchedOn } = world.claim('i1')?.status ?? {};
  return asked(outputs, { host: hostname ?? null, node: nodeName ?? null, launched_on: launchedOn ?? null }, [
    'LaunchedOnNode',
  ]);
}

/** When the resources of a deleted instance are free again. */
export function runLifecycle({ when, outputs }: VectorCase): Outcome {
  if (when !== 'when is its usage released?') return { kind: 'outside', why: LIFECYCLE };
  const world = new NodeWorld();
  world.audit();
  world.create(claimFor('i1'));
  world.delete('i1');
  const isReleased = world.node?.status?.used?.memory === '0';
  return asked(outputs, { delay_s_max: isReleased ? 0 : 60 }, ['ReleasedAtOnce']);
}

const LIFECYCLE =
  'a build that fails is a claim that is deleted, one agent has one node, and an audit is one report: none of this has steps of its own here';

function asked(outputs: JsonObject, known: JsonObject, events: Iterable<EventName> = []): Outcome {
  return ran(Object.fromEntries(Object.entries(known).filter(([key]) => key in outputs)), events);
}
