import { EVENTS } from '../../../src/api/kinds.ts';
import type { EventObject } from '../../../src/kube/event-object.ts';
import { resourceClient } from '../../../src/kube/resource.ts';
import type { Scene } from './scene.ts';

/** What the scene's agents told of an object as Events, oldest first: `Warning InstanceMissing`. Each repetition counts. */
export async function told(scene: Scene, name: string, namespace = scene.namespace): Promise<readonly string[]> {
  const { items } = await resourceClient<EventObject>(scene.connection, EVENTS).list({ namespace });
  return items
    .filter(({ regarding, reportingInstance }) => regarding.name === name && reportingInstance === scene.nodeName)
    .toSorted((one, other) => (one.eventTime < other.eventTime ? -1 : 1))
    .flatMap(({ type, reason, series }) => Array.from({ length: series?.count ?? 1 }, () => `${type} ${reason}`));
}
