/** libvirt's domain states in the API's words. */
import type { TaskState, VmState } from '../driver.ts';
import { DomainState, PausedReason, RunningReason, ShutoffReason } from './constants.ts';

/**
 * The state of an instance. `managedSave`: a saved memory image waits on disk (libvirtd forgets that reason when it restarts).
 *
 * A guest that the hypervisor holds still for a moment of its own (save, dump, snapshot) stays Active: nobody paused it, and its task says
 * why it is still. Paused for a migration is Paused: on the target it does not run before it has arrived.
 * An unknown state of a newer libvirt is Error rather than a guess.
 */
export function vmStateOf(state: number, reason: number, managedSave: boolean): VmState {
  switch (state) {
    case DomainState.NoState:
      return 'Building';
    case DomainState.Running:
    case DomainState.Blocked:
      return 'Active';
    case DomainState.Paused:
      return pausedState(reason);
    case DomainState.PmSuspended:
      return 'Suspended';
    case DomainState.Shutdown:
      return 'Stopped';
    case DomainState.Shutoff:
      return managedSave ? 'Suspended' : shutoffState(reason);
    default:
      return 'Error';
  }
}

/**
 * The task that a state and its reason show. Others are under way without a sign: a running guest whose memory is being copied or saved.
 * libvirt itself calls a guest that was restored from an image and left paused "paused (migrating)", until it is resumed.
 */
export function taskStateOf(state: number, reason: number): TaskState | undefined {
  switch (state) {
    case DomainState.Running:
      return reason === RunningReason.PostCopy ? 'Migrating' : undefined;
    case DomainState.Paused:
      return PAUSED_TASKS.get(reason);
    case DomainState.Shutdown:
      return 'PoweringOff';
    default:
      return undefined;
  }
}

const PAUSED_TASKS: ReadonlyMap<number, TaskState> = new Map([
  [PausedReason.Migration, 'Migrating'],
  [PausedReason.PostCopy, 'Migrating'],
  [PausedReason.Save, 'Suspending'],
  [PausedReason.Dump, 'Dumping'],
  [PausedReason.ShuttingDown, 'PoweringOff'],
  [PausedReason.Snapshot, 'ImageSnapshot'],
  [PausedReason.StartingUp, 'Spawning'],
]);

function pausedState(reason: number): VmState {
  switch (reason) {
    case PausedReason.StartingUp:
      return 'Building';
    case PausedReason.PostCopy:
    case PausedReason.Save:
    case PausedReason.Dump:
    case PausedReason.Snapshot:
      return 'Active';
    case PausedReason.IoError:
    case PausedReason.Crashed:
    case PausedReason.PostCopyFailed:
      return 'Error';
    default:
      return 'Paused';
  }
}

function shutoffState(reason: number): VmState {
  if (reason === ShutoffReason.Saved) return 'Suspended';
  return reason === ShutoffReason.Crashed || reason === ShutoffReason.Failed ? 'Error' : 'Stopped';
}
