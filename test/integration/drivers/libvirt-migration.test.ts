/** What the driver tells of an instance that moves: QEMU guests between two real libvirtds, moved by virsh. */
import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it, type TestContext } from 'vitest';
import { guestXml, type Libvirtd, missingForLibvirtd } from '../../../dev/libvirtd.ts';
import { type LibvirtdPair, migrateLive, startLibvirtdPair } from '../../../dev/libvirtd-pair.ts';
import { type HostWatch, watchGuest } from './host-watch.ts';

const missing = await missingForLibvirtd();
const skipped = missing === undefined ? '' : ` (skipped: ${missing})`;
/** As slow as virsh can; then as fast as it can. MiB a second. */
const SLOW = '1';
const FAST = '100000';

let pair: LibvirtdPair;
beforeAll(async () => {
  if (missing === undefined) pair = await startLibvirtdPair();
});
afterAll(() => pair?.stop());

// Beside each other, as most of their time is spent waiting for a QEMU to leave.
describe.skipIf(missing !== undefined).concurrent(`the driver before and behind a migration${skipped}`, () => {
  it('live: on the target it is Paused and Migrating until it has arrived, then Active; then it is gone from the source', async (context) => {
    const { source, target, beginSlowly, letGo } = await open(context);
    const ended = await beginSlowly();
    expect(await target.audited()).toBe('Paused Migrating');
    expect(await source.audited()).toBe('Active');
    expect(source.story()).toEqual([]);
    await letGo();
    expect(await ended()).toBe('');
    await Promise.all([target.until('Active'), source.until('gone')]);
    expect(target.story()).toEqual(['Paused Migrating', 'Active']);
    // It is held still to be handed over; that may have passed before it can be looked at.
    expect(source.story().filter((state) => state !== 'Paused Migrating')).toEqual(['gone']);
    expect(await target.audited()).toBe('Active');
    expect(await source.audited()).toBe('gone');
  });

  it('live: it arrives with its size, and can go back again', async (context) => {
    const { source, target, guest } = await open(context);
    await migrateLive(guest.name, pair.source, pair.target);
    await target.until('Active');
    const { instances } = await target.driver.audit();
    const sized = { uuid: guest.uuid, memoryBytes: 64n << 20n, vcpus: 1n };
    expect(instances).toContainEqual(expect.objectContaining(sized));
    await source.until('gone');
    await migrateLive(guest.name, pair.target, pair.source);
    await Promise.all([target.until('gone'), source.until('Active')]);
    expect(await source.audited()).toBe('Active');
    expect(await target.audited()).toBe('gone');
  });

  it('live, of a paused guest: it has arrived when it is Paused without Migrating', async (context) => {
    const { source, target, guest, beginSlowly, letGo } = await open(context);
    await pair.source.virsh('suspend', guest.name);
    const ended = await beginSlowly();
    await letGo();
    expect(await ended()).toBe('');
    await Promise.all([target.until('Paused'), source.until('gone')]);
    expect(target.story()).toEqual(['Paused Migrating', 'Paused']);
  });

  const failures: readonly { what: string; fail: (guest: Guest) => Promise<unknown>; says: string }[] = [
    {
      what: 'aborted by virsh domjobabort',
      fail: ({ name }) => pair.source.virsh('domjobabort', name),
      says: 'canceled by client',
    },
    {
      what: 'with a QEMU that dies on the target',
      fail: async ({ name }) => process.kill(await pair.target.guestPid(name), 'SIGKILL'),
      says: 'error: ',
    },
  ];
  it.for(failures)(
    'live, $what: it goes from the target as it came, and the source has it all the time',
    async ({ fail, says }, context) => {
      const { source, target, guest, beginSlowly } = await open(context);
      const ended = await beginSlowly();
      await fail(guest);
      expect(await ended()).toContain(says);
      await target.until('gone');
      expect(target.story()).toEqual(['Paused Migrating', 'gone']);
      expect(source.story()).toEqual([]);
      expect(await source.audited()).toBe('Active');
      expect(await target.audited()).toBe('gone');
    },
  );

  it('live, to a target that cannot listen: nothing is told at all, and nothing is left', async (context) => {
    const { source, target, guest } = await open(context);
    const deaf = { ...pair.target, migrationUri: () => `unix://${pair.target.instancesPath}/none/socket` };
    await expect(migrateLive(guest.name, pair.source, deaf)).rejects.toThrow('Failed to bind socket');
    expect(await target.audited()).toBe('gone');
    expect(await source.audited()).toBe('Active');
    expect([...target.story(), ...source.story()]).toEqual([]);
  });

  it('cold: stopped, defined there, undefined here, started there, each step is told as it is', async (context) => {
    const { source, target, guest } = await open(context);
    await pair.source.virsh('destroy', guest.name);
    await source.until('Stopped');
    await pair.target.virshWith(await pair.source.virsh('dumpxml', '--inactive', guest.name), 'define', '{}');
    await target.until('Stopped');
    await pair.source.virsh('undefine', guest.name);
    await source.until('gone');
    await pair.target.virsh('start', guest.name);
    await target.until('Active');
    expect(source.story()).toEqual(['Stopped', 'gone']);
    expect(target.story()).toEqual(['Stopped', 'Active']);
  });
});

describe.skipIf(missing !== undefined)(`two libvirtds of one machine${skipped}`, () => {
  it('leave no process and no folder behind, also when a guest is on its way between them', async (context) => {
    const another = await startLibvirtdPair();
    context.onTestFinished(() => another.stop());
    const { guest, beginSlowly } = await open(context, another);
    const ended = await beginSlowly();
    const hosts = [another.source, another.target];
    const pids = await Promise.all(hosts.map((host) => host.guestPid(guest.name)));
    await another.stop();
    expect(await ended()).toContain('error: ');
    expect(await Promise.all(pids.map(isAlive))).toEqual([false, false]);
    for (const host of hosts) await expect(readFile(`${host.instancesPath}/libvirtd.conf`)).rejects.toThrow('ENOENT');
  });
});

interface Guest {
  readonly uuid: string;
  readonly name: string;
}

interface Move {
  readonly guest: Guest;
  readonly source: HostWatch;
  readonly target: HostWatch;
  /** Begins a migration that lasts until it is let go, and waits until it is seen; then gives what waits for its end: '' or the error. */
  beginSlowly(): Promise<() => Promise<string>>;
  letGo(): Promise<unknown>;
}

/** A guest that runs on the source, and a driver on either host; nothing is told yet. */
async function open({ onTestFinished }: TestContext, { source, target, ballast } = pair): Promise<Move> {
  const uuid = randomUUID();
  const guest = { uuid, name: `guest-${uuid.slice(0, 8)}` };
  await source.virshWith(guestXml({ ...guest, memoryMiB: 64, vcpus: 1, ballast }), 'define', '{}');
  await source.virsh('start', guest.name);
  const watch = async (host: Libvirtd): Promise<HostWatch> => {
    const watched = await watchGuest(host, uuid);
    onTestFinished(() => watched.driver.stop());
    return watched;
  };
  const watches = { source: await watch(source), target: await watch(target) };
  return {
    guest,
    ...watches,
    beginSlowly: async () => {
      const ended = migrateLive(guest.name, source, target, '--bandwidth', SLOW).then(() => '', String);
      await watches.target.until('Paused Migrating');
      return () => ended;
    },
    letGo: () => source.virsh('migrate-setspeed', guest.name, FAST),
  };
}

/** A zombie that nobody has waited for yet has no command line any more. */
async function isAlive(pid: number): Promise<boolean> {
  return (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')) !== '';
}
