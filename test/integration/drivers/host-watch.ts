import type { Libvirtd } from '../../../dev/libvirtd.ts';
import type { Driver, DriverEvent, ReportedInstance } from '../../../src/drivers/driver.ts';
import { createLibvirtDriver } from '../../../src/drivers/libvirt/libvirt-driver.ts';
import { createRecorder } from '../../drivers/contract/harness.ts';

/** A driver on a host, and what it tells of one guest. */
export interface HostWatch {
  readonly driver: Driver;
  /** State and task of each event, or `gone`; what is told twice in a row stands once. */
  story(): readonly string[];
  /** Waits until this is told. */
  until(state: string): Promise<void>;
  /** The same as an audit sees it now. */
  audited(): Promise<string>;
}

/** Begins to watch: a guest that has settled before is not told of until something happens to it. */
export async function watchGuest(host: Libvirtd, uuid: string): Promise<HostWatch> {
  const recorder = createRecorder();
  const driver = createLibvirtDriver({ uri: host.uri, instancesPath: host.instancesPath });
  await driver.start(recorder.options);
  await recorder.waitFor(({ kind }) => kind === 'connected');
  const toldBy = (event: DriverEvent): string | undefined => {
    if (event.kind === 'instanceGone') return event.uuid === uuid ? 'gone' : undefined;
    return event.kind === 'instanceChanged' && event.instance.uuid === uuid ? stateOf(event.instance) : undefined;
  };
  return {
    driver,
    story: () =>
      recorder.events
        .map(toldBy)
        .filter((state) => state !== undefined)
        .filter((state, at, told) => state !== told[at - 1]),
    until: async (state) => {
      await recorder.waitFor((event) => toldBy(event) === state);
    },
    audited: async () => {
      const found = (await driver.audit()).instances.find((instance) => instance.uuid === uuid);
      return found === undefined ? 'gone' : stateOf(found);
    },
  };
}

function stateOf({ vmState, taskState }: ReportedInstance): string {
  return taskState === undefined ? vmState : `${vmState} ${taskState}`;
}
