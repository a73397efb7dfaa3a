import { expect, it } from 'vitest';
import type { Work } from '../../src/controller/work.ts';
import { Writer, type WriterParts } from '../../src/controller/writer.ts';
import { KubeError, type KubeErrorReason } from '../../src/kube/errors.ts';
import { ManualClock } from '../kube/manual-clock.ts';
import { claim, computeNode, lease } from './objects.ts';

interface Sent {
  readonly writer: Writer;
  readonly clock: ManualClock;
  readonly requests: string[];
}

const failure = (reason: KubeErrorReason): KubeError =>
  new KubeError({ message: reason, reason, retryable: false, mayHaveLanded: false });

/** A writer whose requests are noted; those of a kind named in `failing` fail. */
function noted(failing: Readonly<Record<string, KubeErrorReason>> = {}, parts: Partial<WriterParts> = {}): Sent {
  const requests: string[] = [];
  const clock = new ManualClock();
  const note = async (request: string): Promise<boolean> => {
    requests.push(request);
    const reason = failing[request.split(' ')[0] ?? ''];
    if (reason !== undefined) throw failure(reason);
    return true;
  };
  const resource = (kind: string) => ({
    replaceStatus: async <T>(object: T): Promise<T> => {
      await note(`write-${kind}`);
      return object;
    },
    delete: (
      name: string,
      { uid, resourceVersion }: { uid?: string | undefined; resourceVersion?: string | undefined } = {},
    ) => note(`delete-${kind} ${name} ${uid} ${resourceVersion}`),
  });
  const writer = new Writer({
    nodes: resource('node'),
    claims: resource('claim'),
    migrations: resource('migration'),
    leases: resource('lease'),
    clock,
    signal: new AbortController().signal,
    mayWrite: () => true,
    onLeaseKept: (name) => requests.push(`kept ${name}`),
    ...parts,
  });
  return { writer, clock, requests };
}

const node = computeNode('n');
const left = lease('n');
const finished = claim('c');
const version = ({ metadata }: { metadata: { resourceVersion?: string } }): string => metadata.resourceVersion ?? '';
const REMOVAL: Work = { kind: 'deleteNode', node, lease: left };

it('deletes exactly the state that was seen, a Lease before its ComputeNode.', async () => {
  const { writer, requests } = noted();
  expect(await writer.perform({ kind: 'deleteClaim', claim: finished })).toEqual({ kind: 'ok', object: finished });
  expect(await writer.perform(REMOVAL)).toEqual({ kind: 'ok', object: node });
  expect(requests).toEqual([
    `delete-claim c uid-of-c ${version(finished)}`,
    `delete-lease n uid-of-n ${version(left)}`,
    `delete-node n uid-of-n ${version(node)}`,
  ]);
});

it('leaves a ComputeNode alone whose Lease was taken in the same moment.', async () => {
  const { writer, requests } = noted({ 'delete-lease': 'Conflict' });
  expect(await writer.perform(REMOVAL)).toEqual({ kind: 'conflict' });
  expect(requests).toHaveLength(1);
});

it('deletes a ComputeNode whose Lease is gone already.', async () => {
  const { writer } = noted({ 'delete-lease': 'NotFound' });
  expect(await writer.perform(REMOVAL)).toMatchObject({ kind: 'ok' });
});

it('removes a ComputeNode also without the right to delete its Lease, and says so.', async () => {
  const { writer, requests } = noted({ 'delete-lease': 'Forbidden' });
  expect(await writer.perform(REMOVAL)).toMatchObject({ kind: 'ok' });
  expect(requests).toContain('kept n');
});

it('sends nothing once another one leads.', async () => {
  const { writer, requests } = noted({}, { mayWrite: () => false });
  expect(await writer.perform(REMOVAL)).toMatchObject({ kind: 'refused' });
  expect(requests).toEqual([]);
});

it('writes a hundred at once, then fifty a second.', async () => {
  const { writer, clock, requests } = noted();
  const work: Work = { kind: 'writeNode', node, turned: [] };
  const answers = Array.from({ length: 200 }, () => writer.perform(work));
  await clock.advance(0);
  expect(requests).toHaveLength(100);
  await clock.advance(1_000);
  expect(requests).toHaveLength(150);
  await clock.advance(1_000);
  await Promise.all(answers);
  expect(requests).toHaveLength(200);
});
