/** The safeguards of migrations, and what they are to be without. */
import type { Mutation } from './mutations.ts';

export const MIGRATION_MUTATIONS: readonly Mutation[] = [
  {
    what: 'the target holds nothing until the instance has arrived',
    edits: [
      {
        file: 'held',
        from: "  const flavor = which === 'New' ? migration?.newFlavor : migration?.oldFlavor;\n  if (flavor === undefined) return [];",
        to: "  const flavor = which === 'New' ? undefined : migration?.oldFlavor;\n  if (flavor === undefined) return [];",
      },
    ],
  },
  {
    what: 'the source gives back as soon as the instance has arrived',
    edits: [
      {
        file: 'held',
        from: "  const flavor = which === 'New' ? migration?.newFlavor : migration?.oldFlavor;\n  if (flavor === undefined) return [];",
        to: "  const flavor = which === 'New' ? migration?.newFlavor : undefined;\n  if (flavor === undefined) return [];",
      },
    ],
  },
  {
    what: 'a lock is not in the ledger for the rest of the batch',
    edits: [{ file: 'migrations', from: 'if (takes) books.hold(entry);', to: '' }],
  },
  {
    what: 'a lock is not held before its write is answered',
    edits: [
      {
        file: 'migrations',
        from: "const write = writeOf(entry, status, 'decision', { takes });",
        to: "const write = writeOf(entry, status, 'decision', {});",
      },
    ],
  },
  {
    what: 'the target is not asked whether it has room',
    edits: [
      {
        file: 'migration-verdict',
        from: "if (decision.kind === 'rejected') return refuse({ reasons, message });",
        to: '',
      },
      {
        file: 'migration-verdict',
        from: ': grantedDevices(decision.devices, circumstances.devices);',
        to: ": grantedDevices(decision.kind === 'granted' ? decision.devices : [], circumstances.devices);",
      },
    ],
  },
  {
    what: 'a claim that is locked already is locked again',
    edits: [
      {
        file: 'migration-verdict',
        from: 'if (lock !== undefined && lock.uid !== migration.metadata.uid)',
        to: 'if (false)',
      },
    ],
  },
  {
    what: 'a claim comes to a node where another one holds for its instance',
    edits: [{ file: 'migration-verdict', from: 'if (circumstances.claimedBy !== undefined)', to: 'if (false)' }],
  },
  {
    what: 'locks, moves and ends do not pass step 2',
    edits: [
      {
        file: 'tracker',
        from: '    const decisions = [...this.#requests.retries(), ...migrations.decisions, ...batch.decisions];',
        to: `    effects.push(...migrations.decisions.map(({ entry, write }) => this.#requests.send(entry, write)));
    const decisions = [...this.#requests.retries(), ...batch.decisions];`,
      },
    ],
  },
  {
    what: 'a lock stays when its migration is deleted',
    edits: [
      {
        file: 'migration-plan',
        from: "export function targetStep({ migration, lock, sight }: Locked): MigrationStep {\n  if (migration === undefined) return { kind: 'end', at: 'AsIs' };",
        to: 'export function targetStep({ migration, lock, sight }: Locked): MigrationStep {\n  if (migration === undefined) return NONE;',
      },
    ],
  },
  {
    what: 'a migration that failed stays locked',
    edits: [
      {
        file: 'migration-plan',
        from: "      return { kind: 'end', at: sight === 'Arrived' ? 'Target' : 'Source' };",
        to: '      return NONE;',
      },
    ],
  },
  {
    what: 'a migration is over although its claim is still locked',
    edits: [
      {
        file: 'migrations',
        from: 'if (!isGone && claim?.status?.migration?.uid === entry.ref.uid) return;',
        to: '',
      },
      {
        file: 'migrations',
        from: 'for (const uid of context.cache.locked) {',
        to: 'for (const uid of [...context.cache.locked].slice(1)) {',
      },
    ],
  },
  {
    what: 'the way back does not restore the flavor',
    edits: [
      {
        file: 'migration-status',
        from: '...(lock.oldFlavor !== undefined && { flavor: lock.oldFlavor }),\n    pciDevices: lock.pciDevices ?? [],',
        to: 'pciDevices: lock.pciDevices ?? [],',
      },
    ],
  },
  {
    what: 'devices do not change sides with the instance',
    edits: [
      {
        file: 'migration-status',
        from: 'migration: { ...lock, arrived: true, pciDevices: status?.pciDevices ?? [] },',
        to: 'migration: { ...lock, arrived: true },',
      },
    ],
  },
  {
    what: 'a barrier does not cover the claims that a former owner may be about to lock',
    edits: [
      {
        file: 'take-over',
        from: 'migrations.filter((migration) => this.#isToCome(migration))',
        to: 'migrations.filter(() => false)',
      },
    ],
  },
  {
    what: 'a claim that is claimed elsewhere is left out of the barrier',
    edits: [
      {
        file: 'take-over',
        from: 'if (isPending && claim.spec.nodeName !== this.#settings.nodeName) return this.#passed(ref);',
        to: 'if (claim.spec.nodeName !== this.#settings.nodeName) return this.#passed(ref);',
      },
    ],
  },
  { what: 'where instances come from is listed in whatever order with where they are', tampering: { lists: 'atOnce' } },
];
