/** What a model agent watches of claims and migrations: each source lists and watches at its own pace, and the real Feed joins them. */
import type { InstanceClaim, Migration } from '../../../src/api/generated/v1alpha1.ts';
import type { Observation } from '../../../src/protocol/messages.ts';
import {
  CLAIM_SOURCES,
  type ClaimSource,
  Feed,
  FIRST_SOURCE,
  MIGRATION_SOURCES,
  type MigrationSource,
  selects,
  selectsMigration,
} from '../../../src/protocol/sources.ts';
import type { List, ModelApi, Watch } from './model-api.ts';
import type { Request } from './network.ts';

export interface ModelSourcesParts {
  readonly nodeName: string;
  readonly api: ModelApi;
  /** Sends a list request; `carryOut` reads, and returns how the result is told. Without an answer it is sent `again`. */
  readonly send: (what: string, carryOut: () => () => void, again: () => void) => Request;
  readonly observe: (observation: Observation) => void;
  /** How claims are listed. */
  readonly listClaims: (matches: (claim: InstanceClaim) => boolean) => List<InstanceClaim>;
  /** All lists at once: as if it did not matter which one is first. */
  readonly listsAtOnce: boolean;
}

type Source = ClaimSource | MigrationSource;

/** One watch, whatever its kind. */
interface Flow {
  readonly isExpired: boolean;
  readonly hasNext: boolean;
  next(): void;
  rewind(changes: number): void;
}

export class ModelSources {
  readonly #parts: ModelSourcesParts;
  readonly #flows = new Map<Source, Flow>();
  readonly #listings = new Map<Source, Request>();
  #feed = new Feed();
  #begunOthers = false;

  constructor(parts: ModelSourcesParts) {
    this.#parts = parts;
  }

  /** Those that are being watched. */
  get flows(): ReadonlyMap<Source, Flow> {
    return this.#flows;
  }

  /** Lists all sources anew. Earlier lists and watches are dropped. */
  begin(): void {
    for (const listing of this.#listings.values()) drop(listing);
    this.#listings.clear();
    this.#flows.clear();
    this.#feed = new Feed();
    this.#begunOthers = false;
    this.list(FIRST_SOURCE);
    if (this.#parts.listsAtOnce) this.#beginOthers();
  }

  /** Lists one source anew, and watches from there. */
  list(source: Source): void {
    const listing = this.#listings.get(source);
    if (listing !== undefined) drop(listing);
    this.#flows.delete(source);
    if (source === 'spec.targetNodeName' || source === 'status.sourceNodeName') this.#listMigrations(source);
    else this.#listClaims(source);
  }

  #beginOthers(): void {
    if (this.#begunOthers) return;
    this.#begunOthers = true;
    for (const source of CLAIM_SOURCES) if (source !== FIRST_SOURCE) this.list(source);
    for (const source of MIGRATION_SOURCES) this.list(source);
  }

  #listClaims(source: ClaimSource): void {
    const { nodeName, api, send, listClaims } = this.#parts;
    const matches = (claim: InstanceClaim): boolean => selects(source, claim, nodeName);
    const carryOut = (): (() => void) => {
      const { items, revision } = listClaims(matches);
      return () => {
        this.#flows.set(source, this.#claimFlow(api.claims.watch(matches, revision)));
        this.#tell(this.#feed.claims(source, items, String(revision)));
        this.#beginOthers();
      };
    };
    this.#listings.set(
      source,
      send(`list claims by ${source}`, carryOut, () => this.list(source)),
    );
  }

  #listMigrations(source: MigrationSource): void {
    const { nodeName, api, send } = this.#parts;
    const matches = (migration: Migration): boolean => selectsMigration(source, migration, nodeName);
    const carryOut = (): (() => void) => {
      const { items, revision } = api.migrations.list(matches);
      return () => {
        this.#flows.set(source, this.#migrationFlow(api.migrations.watch(matches, revision)));
        this.#tell(this.#feed.migrations(source, items));
      };
    };
    this.#listings.set(
      source,
      send(`list migrations by ${source}`, carryOut, () => this.list(source)),
    );
  }

  #claimFlow(watch: Watch<InstanceClaim>): Flow {
    return flowOf(watch, ({ type, object }) =>
      this.#tell(this.#feed.event({ kind: type === 'DELETED' ? 'claimUnmatched' : 'claimSeen', claim: object })),
    );
  }

  #migrationFlow(watch: Watch<Migration>): Flow {
    return flowOf(watch, ({ type, object }) =>
      this.#tell(this.#feed.event({ kind: type === 'DELETED' ? 'migrationGone' : 'migrationSeen', migration: object })),
    );
  }

  #tell(observations: readonly Observation[]): void {
    for (const observation of observations) this.#parts.observe(observation);
  }
}

function drop(listing: Request): void {
  listing.abandon();
  listing.lose();
}

function flowOf<T extends InstanceClaim | Migration>(
  watch: Watch<T>,
  deliver: (event: NonNullable<ReturnType<Watch<T>['next']>>) => void,
): Flow {
  return {
    get isExpired() {
      return watch.isExpired;
    },
    get hasNext() {
      return watch.hasNext;
    },
    next: () => {
      const event = watch.next();
      if (event !== undefined) deliver(event);
    },
    rewind: (changes) => watch.rewind(changes),
  };
}
