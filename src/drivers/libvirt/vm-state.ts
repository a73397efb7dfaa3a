/** libvirt's domain states in the API's words. */
import type { VmState } from '../driver.ts';
import { DomainState, PausedReason, ShutoffReason } from './constants.ts';

/**
 * The state of an instance. `managedSave`: a saved memory image waits on disk (libvirtd forgets that reason when it restarts).
 *
 * A guest that the hypervisor holds still for a moment of its own (migration, save, dump, snapshot) stays Active: nobody paused it.
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

function pausedState(reason: number): VmState {
  switch (reason) {
    case PausedReason.StartingUp:
      return 'Building';
    case PausedReason.Migration:
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
