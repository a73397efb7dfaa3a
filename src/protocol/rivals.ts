/** Claims for one and the same instance: it is claimed once on a node. */
import { qualifiedName } from '../api/object-meta.ts';
import type { Books } from './books.ts';
import type { ClaimCache, Entry } from './claim-cache.ts';
import { instanceIdOf } from './claim-facts.ts';
import type { Instances } from './instances.ts';

interface Known {
  readonly cache: ClaimCache;
  readonly instances: Instances;
  readonly books: Books;
}

/** Namespace/name of another claim that holds here for the instance of this one. */
export function otherHolder(entry: Entry, known: Known): string | undefined {
  for (const other of rivals(entry, known)) {
    if (other !== entry && known.books.holds(other.ref.uid)) return qualifiedName(other.ref);
  }
  return undefined;
}

/** By its uuid, which may be known from the hypervisor only, and the one that its metadata names. */
function* rivals(entry: Entry, { cache, instances }: Known): Generator<Entry> {
  const id = instanceIdOf(entry.claim);
  yield* cache.byInstance(id);
  const own = instances.of(entry);
  if (own !== undefined && own.uuid !== id) yield* cache.byInstance(own.uuid);
  const wanted = instances.get(id);
  if (wanted === undefined) return;
  // Not where that claim has another instance: a copied domain carries the metadata of its original.
  for (const other of instances.claimsOf(wanted)) if (instances.of(other) === wanted) yield other;
}
