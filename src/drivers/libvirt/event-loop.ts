/**
 * libvirt's event loop, which carries keepalive, close notices and events of all connections of the process.
 *
 * libvirt's default implementation waits in poll(2), so each turn is an asynchronous call that holds one thread of libuv's pool
 * for as long as a connection is open. It must run before a connection is opened and until the last one is closed.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { LibvirtLibrary } from './bindings.ts';

export interface EventLoop {
  /** Runs the loop until the matching `release`. */
  acquire(): void;
  /** Resolves when nobody needs the loop any more and it has ended, or at once when others still do. */
  release(): Promise<void>;
}

/** A turn fails only when poll(2) does; without a pause that would be a hot loop. */
const FAILED_TURN_PAUSE_MS = 100;
/** Frequency of a libvirt timer that fires at the next turn. */
const NOW = 0;
/** How long a process that exits waits for a call that hangs. */
const EXIT_GRACE_SECONDS = 2;

let shared: EventLoop | undefined;

/** The loop of this process: libvirt has one, whatever the number of connections. */
export function sharedEventLoop(library: LibvirtLibrary): EventLoop {
  shared ??= createEventLoop(library);
  return shared;
}

function createEventLoop(library: LibvirtLibrary): EventLoop {
  let users = 0;
  let running: Promise<void> | undefined;
  library.virEventRegisterDefaultImpl();
  const wakeTimer = library.addWakeTimer();

  const run = async (): Promise<void> => {
    process.on('exit', letExit);
    while (users > 0) {
      if ((await library.virEventRunDefaultImpl()) < 0) await delay(FAILED_TURN_PAUSE_MS);
    }
    running = undefined;
    process.off('exit', letExit);
  };
  /**
   * Node joins its threads when it exits, also after a crash, and one of them waits in poll(2): unless it is woken the process stays for
   * ever. Another may be in a call that hangs, which nothing wakes; SIGALRM then ends the process.
   */
  const letExit = (): void => {
    library.virEventUpdateTimeout(wakeTimer, NOW);
    library.alarm(EXIT_GRACE_SECONDS);
  };
  return {
    acquire: () => {
      users += 1;
      running ??= run();
    },
    release: async () => {
      users -= 1;
      if (users > 0) return;
      library.virEventUpdateTimeout(wakeTimer, NOW);
      await running;
    },
  };
}
