/** The world outside a driver, as far as the contract suite moves it. */
import type { Driver, DriverEvent, DriverOptions } from '../../../src/drivers/driver.ts';

/** An instance that the suite brings about. */
export interface InstanceSpec {
  readonly uuid: string;
  readonly name: string;
  readonly memoryMiB: number;
  readonly vcpus: number;
  readonly claim?: { readonly namespace: string; readonly name: string };
  /** PCI addresses that it is given. */
  readonly devices?: readonly string[];
}

/** One driver before a hypervisor of its own, with nothing on it but what `present` names. */
export interface DriverHarness {
  readonly driver: Driver;
  /** PCI address of a device that the report must have. */
  readonly deviceAddress?: string;
  define(spec: InstanceSpec): Promise<void>;
  /** Begins it paused, which costs least. */
  startPaused(name: string): Promise<void>;
  pause(name: string): Promise<void>;
  resume(name: string): Promise<void>;
  shutOff(name: string): Promise<void>;
  undefine(name: string): Promise<void>;
  /** From now on nothing can be learnt about it but that it exists. */
  breakInstance(name: string): Promise<void>;
  /** From now on the hypervisor cannot tell what the host has, or can again. */
  withholdResources(reason: string | undefined): Promise<void>;
  loseHypervisor(): Promise<void>;
  bringHypervisorBack(): Promise<void>;
  /** Stops the driver, too. */
  dispose(): Promise<void>;
}

/** What a driver told, and a way to wait for it. */
export interface Recorder {
  readonly options: DriverOptions;
  readonly events: DriverEvent[];
  /** The first event from position `from` on for which this holds; fails after a bounded wait and says what came instead. */
  waitFor(matches: (event: DriverEvent) => boolean, from?: number): Promise<DriverEvent>;
}

const WAIT_MS = 15_000;

/** Records what a driver tells. */
export function createRecorder(): Recorder {
  const events: DriverEvent[] = [];
  let wake: () => void = () => undefined;
  const options: DriverOptions = {
    onEvent: (event) => {
      events.push(event);
      wake();
    },
  };
  const waitFor = async (matches: (event: DriverEvent) => boolean, from = 0): Promise<DriverEvent> => {
    const deadline = performance.now() + WAIT_MS;
    for (;;) {
      const found = events.slice(from).find(matches);
      if (found !== undefined) return found;
      const leftMs = deadline - performance.now();
      if (leftMs <= 0) throw new Error(`no such event; came: ${describeEvents(events.slice(from))}`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, leftMs);
        wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  };
  return { options, events, waitFor };
}

function describeEvents(events: readonly DriverEvent[]): string {
  return JSON.stringify(events, (_key, value: unknown) => (typeof value === 'bigint' ? value.toString() : value));
}
