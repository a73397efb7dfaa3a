import type { Driver } from '../../../src/drivers/driver.ts';
import { type LibvirtLibrary, loadLibvirt } from '../../../src/drivers/libvirt/bindings.ts';
import { DomainStats } from '../../../src/drivers/libvirt/constants.ts';
import type { Pointer } from '../../../src/drivers/libvirt/declarations.ts';
import { createLibvirtDriver } from '../../../src/drivers/libvirt/libvirt-driver.ts';
import { libvirtHost } from '../libvirt-host.ts';
import { interleaved, timed } from '../rounds.ts';
import type { Measurement, Row } from '../row.ts';

const ROUNDS = 40;
const DOMAINS = 500;

/** One audit of a host with many instances, nothing having changed since the last one. */
export const auditLibvirt: Row = {
  name: 'audit-libvirt',
  target: { ratioAtMost: 3 },
  measure: async (bench): Promise<Measurement> => {
    const uri = await libvirtHost(bench, DOMAINS);
    const driver = createLibvirtDriver({ uri, instancesPath: await bench.folder() });
    await connected(driver);
    const library = await loadLibvirt();
    const connection = await library.virConnectOpenReadOnly(uri);
    if (connection === null) throw new Error(`cannot connect to ${uri}`);
    const figures = await interleaved(ROUNDS, {
      measured: () => timed(() => driver.audit()),
      reference: () => timed(() => statsAndList(library, connection)),
    });
    await driver.stop();
    await library.virConnectClose(connection);
    return {
      ...figures,
      unit: 'ms',
      note:
        `${DOMAINS} running domains of libvirt's test driver. The reference is one virConnectGetAllDomainStats (state) and one ` +
        'virConnectListAllDomains through the same bindings, the uuid and name of each domain read from both.',
    };
  },
};

async function connected(driver: Driver): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  await driver.start({ onEvent: ({ kind }) => (kind === 'connected' ? resolve() : undefined) });
  await promise;
}

async function statsAndList(library: LibvirtLibrary, connection: Pointer): Promise<void> {
  const identify = (domain: Pointer) => [library.virDomainGetUUIDString(domain), library.virDomainGetName(domain)];
  await library.virConnectGetAllDomainStats(connection, DomainStats.State, ({ domain, values }) => [
    ...identify(domain),
    values.get('state.state'),
  ]);
  await library.virConnectListAllDomains(connection, 0, identify);
}
