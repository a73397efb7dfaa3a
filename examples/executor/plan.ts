/** What to do next for a migration: one step, from what is there now. Nothing here remembers or touches anything. */

export interface Task {
  readonly uid: string;
  /** The Migration's; undefined: it was deleted. */
  readonly phase: string | undefined;
  readonly decision?: string;
  readonly live: boolean;
  readonly source: string;
  readonly target: string;
  /** Only where the migration changes the size. */
  readonly sizes?: { readonly before: Size; readonly after: Size };
  /** Undefined: it was deleted. */
  readonly claim: ClaimFacts | undefined;
  /** By node; a node that has none has no entry. */
  readonly domains: ReadonlyMap<string, Domain>;
  /** Why an earlier step could not be done. */
  readonly failure?: string;
}

/** The books: what they say of an instance is what its hosts should come to. */
export interface ClaimFacts {
  readonly nodeName: string;
  readonly size: Size;
  /** By this very migration: only then both nodes hold what it needs. */
  readonly isLocked: boolean;
}

/** An instance as one host has it. */
export interface Domain {
  readonly power: 'on' | 'off';
  /** It is being received, sent or started at this very moment. */
  readonly inMotion: boolean;
  readonly size: Size;
  readonly mark?: Mark;
}

export interface Size {
  readonly vcpus: number;
  readonly memoryKiB: number;
}

/**
 * Stands in the definition from before a move stops the instance until the move is over: whose move it is, and whether the instance is to run
 * in the end. It goes where the definition goes, and so nothing has to be remembered.
 */
export interface Mark {
  readonly uid: string;
  readonly power: 'on' | 'off';
}

export type Step =
  | { readonly kind: 'report'; readonly phase: 'Migrating' | 'PostMigrating' }
  | { readonly kind: 'report'; readonly phase: 'Failed'; readonly reason: string }
  /** Nothing to do now. */
  | { readonly kind: 'wait' }
  /** It cannot go on like this. */
  | { readonly kind: 'refuse'; readonly reason: string }
  | { readonly kind: 'migrateLive' | 'define'; readonly from: string; readonly to: string }
  | { readonly kind: 'abortJob' | 'stop' | 'undefine' | 'start' | 'unmark'; readonly on: string }
  | { readonly kind: 'mark'; readonly on: string; readonly mark: Mark }
  | { readonly kind: 'resize'; readonly on: string; readonly size: Size };

const WAIT: Step = { kind: 'wait' };

/** The next step. */
export function plan(task: Task): Step {
  const { phase, decision, claim } = task;
  if (claim === undefined) return WAIT;
  if (claim.isLocked && phase === 'PreMigrating') {
    return decision === 'Abort' ? WAIT : { kind: 'report', phase: 'Migrating' };
  }
  if (claim.isLocked && phase === 'Migrating') return carryOut(task);
  if (claim.isLocked && phase === 'Finished' && isUnwanted(task)) return bringBack(task) ?? WAIT;
  return isMarked(task) ? tidyUp(task, claim) : WAIT;
}

/** True while a live migration that has begun should be given up. */
export function isToBeStopped({ phase, decision }: Pick<Task, 'phase' | 'decision'>): boolean {
  return phase === undefined || (phase === 'Migrating' && decision === 'Abort');
}

/** A live migration confirms itself once it is Finished, whatever was decided. */
function isUnwanted({ live, decision }: Task): boolean {
  return !live && (decision === 'Revert' || decision === 'Abort');
}

function carryOut(task: Task): Step {
  const reason = task.decision === 'Abort' ? 'aborted, as spec.decision says' : task.failure;
  if (isBeingHandedOver(task)) return reason === undefined ? WAIT : { kind: 'abortJob', on: task.source };
  if (reason === undefined || isTooLate(task)) return bringForward(task) ?? { kind: 'report', phase: 'PostMigrating' };
  return bringBack(task) ?? { kind: 'report', phase: 'Failed', reason };
}

function isBeingHandedOver({ live, source, target, domains }: Task): boolean {
  const here = domains.get(source);
  const there = domains.get(target);
  return live && here !== undefined && there !== undefined && (here.inMotion || there.inMotion);
}

/** The source has let go of it: what still works is carried through. */
function isTooLate({ source, target, domains, failure }: Task): boolean {
  return !domains.has(source) && (failure === undefined || domains.get(target)?.power === 'on');
}

function bringForward(task: Task): Step | undefined {
  const { source, target, live, domains } = task;
  if (live && domains.get(source)?.power === 'on') {
    return domains.has(target) ? occupied(target) : { kind: 'migrateLive', from: source, to: target };
  }
  return bring(task, source, target, task.sizes?.after);
}

function bringBack(task: Task): Step | undefined {
  const { source, target, domains, sizes } = task;
  const here = domains.get(source);
  const there = domains.get(target);
  // What the target has is none of this move's, so the source's is what there is.
  const isUntouched = task.phase === 'Migrating' && there !== undefined && markOf(task, there) === undefined;
  if (here !== undefined && isUntouched) return settle(task, source, here, sizes?.before);
  return bring(task, target, source, sizes?.before);
}

/** A move was begun that stops the instance, and is to be ended even if the migration is over or deleted. */
function isMarked(task: Task): boolean {
  return [...task.domains.values()].some((domain) => markOf(task, domain) !== undefined);
}

/** Brings it to where it belongs, and only then takes the mark away. */
function tidyUp(task: Task, claim: ClaimFacts): Step {
  const { phase, source, target, sizes } = task;
  const isThere = claim.isLocked && (phase === 'PostMigrating' || phase === 'Finished');
  const at = isThere ? target : claim.nodeName;
  const size = sizes && (isThere ? sizes.after : claim.size);
  const step = bring(task, at === target ? source : target, at, size);
  // As long as the claim has not moved, a migration that is deleted leaves it where it was: then this is the way back.
  if (step === undefined && claim.isLocked && phase === 'PostMigrating') return WAIT;
  return step ?? { kind: 'unmark', on: at };
}

/** Brings an instance to a node, stopped on its way; undefined: there it is. */
function bring(task: Task, from: string, to: string, size: Size | undefined): Step | undefined {
  const here = task.domains.get(from);
  const there = task.domains.get(to);
  if (from === to || here === undefined) return there === undefined ? lost(from, to) : settle(task, to, there, size);
  if (markOf(task, here) === undefined) return there === undefined ? mark(task, from, here) : occupied(to);
  if (here.power === 'on') {
    return there?.power === 'on' ? refuse(`it runs on ${from} and on ${to}`) : { kind: 'stop', on: from };
  }
  if (there === undefined) return { kind: 'define', from, to };
  const wanted = otherSize(there, size);
  if (wanted !== undefined && there.power === 'off') return { kind: 'resize', on: to, size: wanted };
  return { kind: 'undefine', on: from };
}

/** The rest, where it is: its size, and that it runs if it did. */
function settle(task: Task, on: string, domain: Domain, size: Size | undefined): Step | undefined {
  const ours = markOf(task, domain);
  const wanted = otherSize(domain, size);
  if (wanted !== undefined) {
    if (ours === undefined) return mark(task, on, domain);
    return domain.power === 'on' ? { kind: 'stop', on } : { kind: 'resize', on, size: wanted };
  }
  return ours?.power === 'on' && domain.power === 'off' ? { kind: 'start', on } : undefined;
}

function mark({ uid }: Task, on: string, { power }: Domain): Step {
  return { kind: 'mark', on, mark: { uid, power } };
}

function markOf({ uid }: Task, domain: Domain): Mark | undefined {
  return domain.mark?.uid === uid ? domain.mark : undefined;
}

/** The size that it should have and has not. Hypervisors round memory up to whole MiB: that is no other size. */
function otherSize({ size: { vcpus, memoryKiB } }: Domain, size: Size | undefined): Size | undefined {
  const isSame = vcpus === size?.vcpus && mebibytes(memoryKiB) === mebibytes(size.memoryKiB);
  return isSame ? undefined : size;
}

function mebibytes(memoryKiB: number): number {
  return Math.ceil(memoryKiB / 1024);
}

function occupied(node: string): Step {
  return refuse(`${node} has another instance of this UUID`);
}

function lost(from: string, to: string): Step {
  return refuse(from === to ? `${to} has no such instance` : `neither ${from} nor ${to} has such an instance`);
}

function refuse(reason: string): Step {
  return { kind: 'refuse', reason };
}
