/**
 * Whether one resourceVersion is newer than another of the same kind of object. They are decimal numbers of any size that
 * grow with every change (Kubernetes guarantees the order since 1.35); compared as text, so that no size is too large.
 */
export function isNewer(one: string | undefined, other: string | undefined): boolean {
  if (one === undefined) return false;
  if (other === undefined) return true;
  return one.length === other.length ? one > other : one.length > other.length;
}
