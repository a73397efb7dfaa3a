import { loadLibvirt } from '../../../src/drivers/libvirt/bindings.ts';
import { describeDriverContract } from '../../drivers/contract/contract.ts';
import { createTestDriverHarness } from './test-driver-harness.ts';

const missing = await loadLibvirt().then(
  () => undefined,
  (error: unknown) => String(error),
);

describeDriverContract("libvirt's test driver", {
  makeHarness: createTestDriverHarness,
  missing,
  lacks: { 'loses the hypervisor': 'the test driver is in this process and cannot go away' },
});
