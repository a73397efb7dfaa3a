/** The contract of `src/drivers/driver.ts`, run against every driver. A row that a world cannot be moved into says why in its title. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DriverError, type HostReport, type VmState } from '../../../src/drivers/driver.ts';
import { reportFaults } from '../../../src/drivers/report-faults.ts';
import { createRecorder, type DriverHarness, type InstanceSpec, type Recorder } from './harness.ts';

/** Rows that a world may be unable to do. */
export type OptionalRow = 'loses the hypervisor' | 'broken instance' | 'devices' | 'cannot report' | 'CPU counters';

export interface ContractWorld {
  makeHarness(): Promise<DriverHarness>;
  /** Why a row cannot be done. */
  readonly lacks?: Partial<Record<OptionalRow, string>>;
  /** Why nothing can be done on this machine. */
  readonly missing?: string | undefined;
}

const ONE: InstanceSpec = {
  uuid: 'aaaaaaaa-0000-4000-8000-000000000001',
  name: 'one',
  memoryMiB: 64,
  vcpus: 2,
  claim: { namespace: 'team-a', name: 'claim-1' },
};
const TWO: InstanceSpec = { uuid: 'aaaaaaaa-0000-4000-8000-000000000002', name: 'two', memoryMiB: 96, vcpus: 1 };
const MIB = 1n << 20n;

/** Describes the contract of a driver in one world. */
export function describeDriverContract(name: string, world: ContractWorld): void {
  const title = world.missing === undefined ? name : `${name} (skipped: ${world.missing})`;
  describe.skipIf(world.missing !== undefined)(`driver contract: ${title}`, () => {
    let harness: DriverHarness;
    let recorder: Recorder;

    beforeEach(async () => {
      harness = await world.makeHarness();
      recorder = createRecorder();
    });
    afterEach(async () => {
      await harness.dispose();
    });
    const row = (what: string, needs: OptionalRow | undefined, run: () => Promise<void>): void => {
      const reason = needs === undefined ? undefined : world.lacks?.[needs];
      if (reason === undefined) it(what, run);
      else it.skip(`${what} (skipped: ${reason})`, run);
    };
    const connect = async (): Promise<void> => {
      await harness.driver.start(recorder.options);
      await recorder.waitFor(({ kind }) => kind === 'connected');
    };
    const changedTo = (uuid: string, vmState: VmState, from: number) =>
      recorder.waitFor(
        (event) =>
          event.kind === 'instanceChanged' && event.instance.uuid === uuid && event.instance.vmState === vmState,
        from,
      );

    row('a driver that is not started refuses to audit', undefined, async () => {
      await expect(harness.driver.audit()).rejects.toMatchObject({ name: 'DriverError', code: 'Disconnected' });
    });

    row('an audit that begins while connected is being told succeeds', undefined, async () => {
      const { promise, resolve, reject } = Promise.withResolvers<HostReport>();
      await harness.driver.start({
        onEvent: ({ kind }) => {
          if (kind === 'connected') harness.driver.audit().then(resolve, reject);
        },
      });
      await expect(promise).resolves.toMatchObject({ hostname: expect.any(String) });
    });

    row('a report has totals, and every list in it is sorted', undefined, async () => {
      await harness.define(TWO);
      await connect();
      await harness.define(ONE);
      const report = await harness.driver.audit();
      expect(report.hostname).not.toBe('');
      expect(report.hypervisor.type).not.toBe('');
      expect(report.totals.memoryBytes).toBeGreaterThan(0n);
      expect(report.totals.vcpus).toBeGreaterThan(0n);
      expect(report.totals.diskBytes).toBeGreaterThan(0n);
      expect(reportFaults(report)).toBeUndefined();
      expect(await harness.driver.cannotReport?.()).toBeUndefined();
      expectSorted(report);
    });

    row('two readings of an unchanged host are deeply equal but for what is used', undefined, async () => {
      await harness.define(ONE);
      await connect();
      const { used: _first, ...first } = await harness.driver.audit();
      const { used: _second, ...second } = await harness.driver.audit();
      expect(second).toEqual(first);
    });

    row('an instance is told and seen from its definition to its end', undefined, async () => {
      await connect();
      const steps: readonly [VmState, () => Promise<void>][] = [
        ['Stopped', () => harness.define(ONE)],
        ['Paused', () => harness.startPaused(ONE.name)],
        ['Active', () => harness.resume(ONE.name)],
        ['Paused', () => harness.pause(ONE.name)],
        ['Stopped', () => harness.shutOff(ONE.name)],
      ];
      for (const [vmState, step] of steps) {
        const from = recorder.events.length;
        await step();
        await changedTo(ONE.uuid, vmState, from);
        const seen = (await harness.driver.audit()).instances.find(({ uuid }) => uuid === ONE.uuid);
        expect(seen).toMatchObject({ name: ONE.name, vmState, vcpus: 2n, memoryBytes: 64n * MIB });
        expect(seen).not.toHaveProperty('taskState');
      }
      await harness.undefine(ONE.name);
      await recorder.waitFor((event) => event.kind === 'instanceGone' && event.uuid === ONE.uuid);
      expect((await harness.driver.audit()).instances.map(({ uuid }) => uuid)).not.toContain(ONE.uuid);
    });

    row('an instance names the claim in its metadata, or none', undefined, async () => {
      await harness.define(ONE);
      await harness.define(TWO);
      await connect();
      const { instances } = await harness.driver.audit();
      expect(instances.find(({ uuid }) => uuid === ONE.uuid)?.claim).toEqual(ONE.claim);
      expect(instances.find(({ uuid }) => uuid === TWO.uuid)).not.toHaveProperty('claim');
    });

    row('a broken instance is a problem of its own and the others are accounted', 'broken instance', async () => {
      await harness.define(ONE);
      await harness.define(TWO);
      await harness.breakInstance(ONE.name);
      await connect();
      const { instances, problems } = await harness.driver.audit();
      expect(instances.map(({ uuid }) => uuid)).toEqual([ONE.uuid, TWO.uuid]);
      expect(instances[1]).toMatchObject({ vcpus: 1n, memoryBytes: 96n * MIB });
      expect(problems.map(({ subject }) => subject)).toContain(`instance ${ONE.name}`);
    });

    row('a device that an instance has is listed with it, and the host has it', 'devices', async () => {
      const address = harness.deviceAddress ?? '';
      await harness.define({ ...ONE, devices: [address] });
      await connect();
      const { instances, devices } = await harness.driver.audit();
      expect(instances.find(({ uuid }) => uuid === ONE.uuid)?.devices).toEqual([address]);
      expect(devices?.map((device) => device.address)).toContain(address);
    });

    row('that it cannot tell what the host has is an answer, which may change', 'cannot report', async () => {
      await harness.withholdResources('it tells nothing');
      await connect();
      expect(await harness.driver.cannotReport?.()).toContain('it tells nothing');
      const from = recorder.events.length;
      await harness.withholdResources(undefined);
      await recorder.waitFor(({ kind }) => kind === 'hostChanged' || kind === 'connected', from);
      expect(await harness.driver.cannotReport?.()).toBeUndefined();
      await expect(harness.driver.audit()).resolves.toMatchObject({ hostname: expect.any(String) });
    });

    row('CPU counters of the host are told while connected, and do not go back', 'CPU counters', async () => {
      const { driver } = harness;
      await expect(driver.cpuCounters?.()).rejects.toMatchObject({ name: 'DriverError', code: 'Disconnected' });
      await connect();
      await expect(driver.cpuCounters?.(AbortSignal.abort())).rejects.toThrow();
      const first = await driver.cpuCounters?.();
      const second = await driver.cpuCounters?.();
      const totals = [first, second].map((counters) =>
        counters ? counters.userNs + counters.kernelNs + counters.idleNs : -1n,
      );
      expect(totals[0]).toBeGreaterThan(0n);
      expect(totals[1]).toBeGreaterThanOrEqual(totals[0] ?? 0n);
      expect(first?.iowaitNs).toBeGreaterThanOrEqual(0n);
      expect(first?.frequencyMhz).toBeGreaterThanOrEqual(0);
      await driver.stop();
      await expect(driver.cpuCounters?.()).rejects.toMatchObject({ code: 'Disconnected' });
    });

    row('overhead is a pure function of the size', undefined, async () => {
      const size = { vcpus: 4n, memoryBytes: 1024n * MIB };
      const before = harness.driver.overheadMemoryBytes(size);
      await connect();
      expect(harness.driver.overheadMemoryBytes({ ...size })).toBe(before);
      expect(before).toBeGreaterThanOrEqual(0n);
    });

    row('an audit that is no longer wanted ends', undefined, async () => {
      await connect();
      await expect(harness.driver.audit(AbortSignal.abort())).rejects.toThrow();
    });

    row('stop may be called twice, and after it nothing is told and nothing answered', undefined, async () => {
      await connect();
      await harness.driver.stop();
      const told = recorder.events.length;
      await harness.define(ONE);
      await harness.driver.stop();
      await expect(harness.driver.audit()).rejects.toBeInstanceOf(DriverError);
      expect(recorder.events).toHaveLength(told);
    });

    row('a hypervisor that goes away is told once, and again when it is back', 'loses the hypervisor', async () => {
      await harness.define(ONE);
      await harness.startPaused(ONE.name);
      await connect();
      await harness.loseHypervisor();
      const from = recorder.events.length;
      await recorder.waitFor(({ kind }) => kind === 'disconnected');
      await expect(harness.driver.audit()).rejects.toMatchObject({ code: 'Disconnected', retryable: true });
      await harness.bringHypervisorBack();
      await recorder.waitFor(({ kind }) => kind === 'connected', from);
      const connection = recorder.events.map(({ kind }) => kind).filter((kind) => kind.endsWith('connected'));
      expect(connection).toEqual(['connected', 'disconnected', 'connected']);
      const { instances } = await harness.driver.audit();
      expect(instances).toMatchObject([{ uuid: ONE.uuid, vmState: 'Paused', memoryBytes: 64n * MIB }]);
    });
  });
}

function expectSorted(report: HostReport): void {
  const lists: readonly (readonly string[])[] = [
    report.instances.map(({ uuid }) => uuid),
    (report.devices ?? []).map(({ address }) => address),
    report.cpuInfo.features,
    ...report.instances.map(({ devices }) => devices),
  ];
  for (const list of lists) expect(list).toEqual(list.toSorted());
  const numbers: readonly (readonly number[])[] = [
    report.numaCells.map(({ id }) => id),
    ...report.numaCells.map(({ cpus }) => cpus),
  ];
  for (const list of numbers) expect(list).toEqual(list.toSorted((one, other) => one - other));
}
