import { type ObjectMeta, qualifiedName } from '../api/object-meta.ts';
import { isNewer } from '../protocol/resource-version.ts';

/** What a change of one object is told with; an absent one was not there, or is not any more. */
export type OnChange<T> = (key: string, before: T | undefined, after: T | undefined) => void;

/** The objects of one kind as a watch and the answers to our own writes show them: whichever is newer counts. */
export class Cache<T extends { readonly metadata: ObjectMeta }> {
  readonly #objects = new Map<string, T>();
  readonly #onChange: OnChange<T>;
  #listed = false;

  constructor(onChange: OnChange<T>) {
    this.#onChange = onChange;
  }

  /** Whether a whole list has been taken in. */
  get listed(): boolean {
    return this.#listed;
  }

  get(key: string): T | undefined {
    return this.#objects.get(key);
  }

  has(key: string): boolean {
    return this.#objects.has(key);
  }

  keys(): IterableIterator<string> {
    return this.#objects.keys();
  }

  values(): IterableIterator<T> {
    return this.#objects.values();
  }

  /** A consistent list takes the place of everything, older or not: etcd may have been restored. */
  replaceAll(objects: readonly T[]): void {
    const listed = new Map(objects.map((object) => [qualifiedName(object.metadata), object]));
    this.#listed = true;
    for (const key of [...this.#objects.keys()]) if (!listed.has(key)) this.#set(key, undefined);
    for (const [key, object] of listed) this.#set(key, object);
  }

  put(object: T): void {
    const key = qualifiedName(object.metadata);
    const known = this.#objects.get(key);
    if (known === undefined || isNewer(object.metadata.resourceVersion, known.metadata.resourceVersion))
      this.#set(key, object);
  }

  /** The object as it was when it went; one that came in its place stays. */
  remove(object: T): void {
    const key = qualifiedName(object.metadata);
    const known = this.#objects.get(key);
    if (known !== undefined && !isNewer(known.metadata.resourceVersion, object.metadata.resourceVersion))
      this.#set(key, undefined);
  }

  #set(key: string, after: T | undefined): void {
    const before = this.#objects.get(key);
    if (after === undefined) this.#objects.delete(key);
    else this.#objects.set(key, after);
    if (
      before?.metadata.resourceVersion !== after?.metadata.resourceVersion ||
      before?.metadata.uid !== after?.metadata.uid
    )
      this.#onChange(key, before, after);
  }
}
