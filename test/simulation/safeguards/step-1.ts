/** Step 1 of a group commit: what is decided, and against what. */
import { BIG, BLIND, CORDONED, OVER_GRANT, type Plot, type Safeguard } from './safeguard.ts';

const TWO_IN_ONE_BATCH: Plot = {
  what: 'Of two claims in one batch that do not fit together one is granted.',
  play: (stage) => {
    stage.create({ name: 'x', ...BIG });
    stage.create({ name: 'y', ...BIG });
    stage.agent();
    stage.settle();
  },
};

const EXPIRY_UNDER_WAY: Plot = {
  what: 'A claim comes while the expiry of another one, that it depends on, is being written.',
  play: (stage) => {
    stage.agent();
    stage.settle();
    stage.create({ name: 'x', ...BIG, expirationSeconds: 5 });
    stage.settle();
    stage.pass(8_000);
    stage.create({ name: 'y', ...BIG });
    stage.settle(/land write claim default\/x/);
  },
};

const DISCONNECTED: Plot = {
  what: 'A claim comes while the driver is disconnected.',
  play: (stage) => {
    const { name } = stage.agent();
    stage.settle();
    stage.cluster.host('node-a').disconnect('connection reset');
    stage.settle();
    stage.create({ name: 'x' });
    stage.settle();
    stage.cluster.host('node-a').connect();
    stage.settle(new RegExp(`${name}: audit`));
  },
};

const CORDON: Plot = {
  what: 'A Node is cordoned, and a claim comes.',
  play: (stage) => {
    stage.agent();
    stage.settle();
    stage.cluster.cordon('node-a', true);
    stage.settle();
  },
};

export const STEP_1: readonly Safeguard[] = [
  {
    without: 'what is granted is not in the ledger for the rest of the batch',
    edits: [{ file: 'batch', from: 'books.hold(entry);', to: '' }],
    plot: TWO_IN_ONE_BATCH,
    breaks: OVER_GRANT,
  },
  {
    without: 'an expiry gives back before its write is answered',
    edits: [
      {
        file: 'batch',
        from: 'if (nowMs >= atMs) decisions.push(expiration(entry, context));',
        to: "if (nowMs >= atMs) { context.books.ledger.release('claim/' + uid); decisions.push(expiration(entry, context)); }",
      },
    ],
    plot: EXPIRY_UNDER_WAY,
    breaks: OVER_GRANT,
  },
  {
    without: 'claims are decided while the driver is disconnected',
    edits: [
      {
        file: 'host-view',
        from: 'this.#driverFault = observation.message;\n        this.#audited = false;',
        to: '',
      },
    ],
    plot: DISCONNECTED,
    breaks: BLIND,
  },
  {
    without: 'claims are decided before the audit after the driver came back',
    edits: [{ file: 'host-view', from: 'this.#audited = false;\n        break;', to: 'break;' }],
    plot: DISCONNECTED,
    breaks: BLIND,
  },
  {
    without: 'a cordoned Node is not noticed',
    edits: [{ file: 'host-view', from: 'this.#isCordoned = observation.unschedulable;', to: '' }],
    plot: CORDON,
    breaks: CORDONED,
  },
];
