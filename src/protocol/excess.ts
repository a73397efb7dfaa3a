/** The condition InstanceMatchesClaim's words for an instance that has more than its claim, and their way back into figures. Pure. */
import type { InstanceSize } from '../drivers/driver.ts';
import { formatBytes } from '../quantity/quantity.ts';
import { bytesOf, countOf } from './readable.ts';

/** What of an instance is more than was claimed, with both figures; undefined when nothing is. */
export function excessWords(held: InstanceSize, instance: InstanceSize): string | undefined {
  const words: string[] = [];
  if (instance.memoryBytes > held.memoryBytes) {
    words.push(`memory: claimed ${formatBytes(held.memoryBytes)}, has ${formatBytes(instance.memoryBytes)}`);
  }
  if (instance.vcpus > held.vcpus) words.push(`vCPUs: claimed ${held.vcpus}, has ${instance.vcpus}`);
  return words.length === 0 ? undefined : `${words.join('; ')}; the larger counts`;
}

/**
 * What the instance has, as `excessWords` tells it: the one place in the API that does. Only what is more than claimed is there; nothing is
 * where the words are not ours.
 */
export function readExcess(message: string): Partial<InstanceSize> {
  const memoryBytes = bytesOf(/(?:^|; )memory: claimed \S+, has ([^;]+)/.exec(message)?.[1]);
  const vcpus = countOf(Number(/(?:^|; )vCPUs: claimed \d+, has (\d+)/.exec(message)?.[1]));
  return { ...(memoryBytes !== undefined && { memoryBytes }), ...(vcpus !== undefined && { vcpus }) };
}
