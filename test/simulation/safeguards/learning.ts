/** What an agent believes of what it is told: events come late, twice and in competing orders, and a watch that is filtered leaves out. */
import type { InstanceClaimStatus, MigrationLock } from '../../../src/api/generated/v1alpha1.ts';
import { GIBIBYTE, instance } from '../world/objects.ts';
import { grantedBig, grantsBesideOlder, movedTo } from './plots.ts';
import { BIG, LEAK, OVER_GRANT, type Plot, type Safeguard } from './safeguard.ts';
import type { Stage } from './stage.ts';

/** From its beginning. */
function rewind(stage: Stage, source: string): void {
  for (let count = 0; count < 10; count += 1) stage.goesWrong(new RegExp(`a1: rewind watch of ${source}`));
}

/** One that waits for the node, before all that do not, and does not fit beside x. */
const OLDER_WAITS = { name: 'older', ...BIG, whenInsufficient: 'Wait' } as const;

const TOLD_AGAIN: Plot = {
  what: 'A watch tells again that a granted claim is Pending, and one that waits would be next.',
  play: (stage) => {
    stage.createUnbound(OLDER_WAITS);
    grantedBig(stage);
    stage.bind('older');
    stage.settle();
    rewind(stage, 'spec.nodeName');
    stage.happens(/a1: claim watch of spec.nodeName/);
    stage.settle(/a1: .*watch|land write claim default\/x/);
  },
};

const DELETED_TOLD_AGAIN: Plot = {
  what: 'A watch tells again that a claim went elsewhere, which came back and was granted since, and one that waits would be next.',
  play: (stage) => {
    stage.createUnbound(OLDER_WAITS);
    stage.createUnbound({ name: 'x', ...BIG });
    stage.agent();
    stage.settle();
    stage.bind('x');
    stage.settle(/a1: turn/);
    stage.unbind('x');
    stage.settle(/a1: turn/);
    stage.bind('x');
    stage.settle();
    stage.bind('older');
    stage.settle();
    rewind(stage, 'spec.nodeName');
    stage.happens(/a1: claim watch of spec.nodeName/, 2);
    stage.settle(/a1: .*watch/);
  },
};

const MOVED_AWAY: Plot = {
  what: 'A claim moves to another node, its source still holds for it, and one that waits there would be next.',
  play: (stage) => {
    const { claims } = stage.cluster.api;
    stage.createUnbound(OLDER_WAITS);
    grantedBig(stage);
    stage.bind('older');
    stage.settle();
    claims.change('x', 'default', ({ status }) => ({ status: { ...status, migration: lockOf(status) } }));
    stage.settle(/read Lease/);
    claims.change('x', 'default', ({ status }) => ({ status: movedTo('node-b', status) }));
    stage.happens(/a1: claim watch of status.nodeName/);
    stage.settle(/a1: .*watch|read Lease/);
    claims.change('x', 'default', ({ status: { migration: _over, ...status } = {} }) => ({ status }));
  },
};

function lockOf({ flavor }: InstanceClaimStatus = {}): MigrationLock {
  const nodes = { sourceNodeName: 'node-a', targetNodeName: 'node-b' };
  return {
    uid: 'migration-1',
    name: 'm',
    ...nodes,
    ...(flavor !== undefined && { oldFlavor: flavor, newFlavor: flavor }),
  };
}

const LIST_OVERTAKEN: Plot = {
  what: 'A list that was made before a grant landed arrives after it, and an older claim is bound.',
  play: (stage) => {
    grantsBesideOlder(stage);
    stage.goesWrong(/a1: watch of status.nodeName broke/);
    stage.happens(/a1: land list claims by status.nodeName/);
    stage.settle(/answer list/);
    stage.settle(/claim watch of status.nodeName/);
    stage.bind('older');
    stage.settle(/claim watch of status.nodeName/);
  },
};

const DELETED: Plot = {
  what: 'A granted claim is deleted.',
  play: (stage) => {
    grantedBig(stage);
    stage.delete('x');
    stage.settle();
  },
};

const NAMESAKE: Plot = {
  what: 'A granted claim is deleted and created anew while its watch is broken.',
  play: (stage) => {
    grantedBig(stage);
    stage.delete('x');
    stage.create({ name: 'x', ...BIG });
    stage.goesWrong(/a1: watch of spec.nodeName broke/);
    stage.settle();
  },
};

const READ_TOO_EARLY: Plot = {
  what: 'A claim is deleted while an answer is on its way that still shows it.',
  play: (stage) => {
    stage.agent();
    stage.settle();
    const { metadata } = stage.create({ name: 'x', memoryMi: 1024 });
    const uuid = metadata.uid ?? '';
    stage.settle();
    stage.cluster.putInstance('node-a', instance({ uuid, memoryBytes: GIBIBYTE }));
    stage.settle(/land write claim/);
    stage.label('x');
    stage.settle(/a1: .*watch|answer read claim/);
    stage.delete('x');
    stage.settle(/answer read claim/);
    stage.cluster.host('node-a').remove(uuid);
    stage.settle();
  },
};

const FORGETS_AT_ONCE = {
  file: 'claim-requests',
  from: '    return this.#read(entry);\n  }\n\n  /** One read',
  to: '    this.#forget(entry.ref.uid);\n    return [];\n  }\n\n  /** One read',
} as const;

export const LEARNING: readonly Safeguard[] = [
  {
    without: 'older events are believed',
    edits: [
      {
        file: 'claim-cache',
        from: 'if (!isNewer(claim.metadata.resourceVersion, entry.claim.metadata.resourceVersion)) return false;',
        to: '',
      },
    ],
    plot: TOLD_AGAIN,
    breaks: OVER_GRANT,
  },
  {
    without: 'DELETED is believed without a read',
    edits: [FORGETS_AT_ONCE],
    plot: MOVED_AWAY,
    breaks: OVER_GRANT,
  },
  {
    without: 'a DELETED that is older than what is known is not put aside',
    edits: [
      {
        file: 'claim-requests',
        from: 'if (entry === undefined || isNewer(entry.claim.metadata.resourceVersion, leftAt)) return [];',
        to: 'if (entry === undefined) return [];',
      },
    ],
    plot: DELETED_TOLD_AGAIN,
    breaks: OVER_GRANT,
    behind: { without: 'DELETED is believed without a read', edits: [FORGETS_AT_ONCE] },
  },
  {
    without: 'what a list lacks is forgotten without a read',
    edits: [
      {
        file: 'claim-requests',
        from: 'return [...effects, ...absent.flatMap((entry) => this.unmatched(entry.claim))];',
        to: 'for (const entry of absent) this.#forget(entry.ref.uid);\n    return effects;',
      },
    ],
    plot: LIST_OVERTAKEN,
    breaks: OVER_GRANT,
  },
  {
    without: 'what leaves the watch is not noticed',
    tampering: {
      observation: (observation) =>
        observation.kind === 'claimUnmatched' ? { kind: 'claimSeen', claim: observation.claim } : observation,
    },
    plot: DELETED,
    breaks: LEAK,
  },
  {
    without: 'a newer object of the same name does not displace the older one',
    edits: [{ file: 'claim-cache', from: 'this.drop(namesake.ref.uid);', to: '' }],
    plot: NAMESAKE,
    breaks: LEAK,
    behind: {
      without: 'the UID of what a read shows is not looked at',
      edits: [
        {
          file: 'claim-requests',
          from: "if (answer.kind === 'missing' || (found !== undefined && found.metadata.uid !== ref.uid))",
          to: "if (answer.kind === 'missing')",
        },
      ],
    },
  },
  {
    without: 'a read that began too early is taken for proof',
    edits: [
      {
        file: 'claim-requests',
        from: 'const proves = found !== undefined && !entry.readAgain;',
        to: 'const proves = found !== undefined;',
      },
    ],
    plot: READ_TOO_EARLY,
    breaks: LEAK,
  },
];
