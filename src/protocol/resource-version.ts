/**
 * Whether one resourceVersion is newer than another of the same kind of object. They are decimal numbers of any size that
 * grow with every change (Kubernetes guarantees the order since 1.35); compared as text, so that no size is too large.
 */
export function isNewer(one: string | undefined, other: string | undefined): boolean {
  if (one === undefined) return false;
  if (other === undefined) return true;
  return one.length === other.length ? one > other : one.length > other.length;
}

/**
 * Half of what `etcdutl snapshot restore --bump-revision 1000000000` adds. No history grows by so much between two looks at an object
 * that is written all the time; one that nobody has written for weeks is taken for restored now and then, which costs a full barrier.
 */
const RESTORED_BY = 500_000_000n;

/**
 * Whether the history of the API server went back between two looks at one object, of which the later one was consistent: it is older
 * than it was, or newer by more than happens.
 */
export function wentBack(before: string | undefined, after: string | undefined): boolean {
  if (before === undefined || after === undefined) return false;
  return (
    isNewer(before, after) || (isNumber(before) && isNumber(after) && BigInt(after) - BigInt(before) > RESTORED_BY)
  );
}

/**
 * Whether a consistent list as of `listedAt` shows an object as it was before something that it should show, too: the history went back.
 * What is known in a version that is newer than the list has only overtaken it.
 */
export function listWentBack(known: string | undefined, shown: string | undefined, listedAt: string): boolean {
  return isNewer(known, shown) && !isNewer(known, listedAt);
}

function isNumber(resourceVersion: string): boolean {
  return /^\d+$/.test(resourceVersion);
}
