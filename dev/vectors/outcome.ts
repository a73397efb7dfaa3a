import type { JsonObject } from './json.ts';

/** What happened in a case that our rules look at: a rule explains by what a case does, never by its name. */
export type EventName =
  | 'AbortOfUntracked'
  | 'AuditAfterAbort'
  | 'GrowthInPlace'
  | 'DropWithOtherFlavor'
  | 'WriteFailed'
  | 'ReservedDiskNotWholeGB'
  | 'LastInstanceGone'
  | 'DropLooksAtText'
  | 'MigrationDevicesDropped'
  | 'CleanUpOfGivenBack'
  | 'HeldDeviceVanished'
  | 'FreeDeviceChanged'
  | 'HeldDeviceChanged'
  | 'DuplicateAddress'
  | 'AliasKeysAsked'
  | 'CountNotPositive'
  | 'RequestsFailedTogether'
  | 'NoDeviceList'
  | 'SameDeviceTwice'
  | 'BetterThanGreedy'
  | 'IDsDifferInCase'
  | 'LaterIOTask'
  | 'OneClaimAloneOnEmptyNode'
  | 'OptionalFigureMissing'
  | 'RecordUnchanged'
  | 'LaunchedOnNode'
  | 'HostnameUnknown'
  | 'ReleasedAtOnce'
  | 'AliasKindIgnored'
  | 'AliasHasAddress'
  | 'AllocatedAgain'
  | 'CountMissing'
  | 'MetricsInherited'
  | 'MetricsCollected';

/** What came out of running a case. Keys of its outputs that `actual` lacks belong to other rooms and were not checked. */
export interface Ran {
  readonly kind: 'ran';
  readonly actual: JsonObject;
  readonly events: ReadonlySet<EventName>;
  /** Figures that depend on something that the case does not tell and for which the usual was taken. */
  readonly assumed: ReadonlySet<Figure>;
}

/** Memory, disk, vCPUs, what an instance is counted under, or everything. */
export type Figure = 'mem' | 'disk' | 'vcpus' | 'labels' | 'all';

export type Outcome =
  | Ran
  | { readonly kind: 'prose'; readonly why: string }
  | { readonly kind: 'outside'; readonly why: string };

export function ran(actual: JsonObject, events: Iterable<EventName> = [], assumed: Iterable<Figure> = []): Ran {
  return { kind: 'ran', actual, events: new Set(events), assumed: new Set(assumed) };
}
