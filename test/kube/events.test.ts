import { describe, expect, it } from 'vitest';
import { KubeError } from '../../src/kube/errors.ts';
import { type EventObject, type EventToRecord, newEvent } from '../../src/kube/event-object.ts';
import { eventRecorder } from '../../src/kube/events.ts';
import type { PatchOptions } from '../../src/kube/resource.ts';
import { ManualClock, settle } from './manual-clock.ts';

const CLAIM = {
  apiVersion: 'resourcetracker.dev/v1alpha1',
  kind: 'InstanceClaim',
  metadata: { name: 'web', namespace: 'shop', uid: 'u1' },
};

function refusal(note = 'memory: requested 4096Mi, available 1024Mi'): EventToRecord {
  return { regarding: CLAIM, type: 'Warning', action: 'Claiming', reason: 'InsufficientMemory', note };
}

/** A server for events that writes down what it is sent, and fails while it is told to. */
function recorderOn() {
  const clock = new ManualClock();
  const created: EventObject[] = [];
  const patched: { name: string; patch: unknown; options: PatchOptions }[] = [];
  const lost: string[] = [];
  const server: { failure: KubeError | undefined; gate: Promise<void> | undefined } = {
    failure: undefined,
    gate: undefined,
  };
  const answer = async <T>(result: T): Promise<T> => {
    await server.gate;
    if (server.failure !== undefined) throw server.failure;
    return result;
  };
  const recorder = eventRecorder({
    client: {
      create: async (object) => {
        created.push(await answer(object));
        return object;
      },
      patch: async (name, patch, options) => {
        patched.push(await answer({ name, patch, options }));
        return newEvent(refusal(), { reportingController: '', reportingInstance: '' }, new Date(0), '');
      },
    },
    clock,
    date: () => new Date(Date.UTC(2026, 0, 1) + clock.now()),
    random: () => 0.5,
    reportingController: 'resourcetracker.dev/agent',
    reportingInstance: 'node-1',
    onLost: (event, loss) => lost.push(`${loss}: ${event.note}`),
  });
  return { recorder, clock, created, patched, lost, server };
}

function unreachable(reason: 'Unreachable' | 'AlreadyExists' = 'Unreachable'): KubeError {
  return new KubeError({ message: reason, reason, retryable: true, mayHaveLanded: false });
}

describe('the event recorder', () => {
  it('writes an event in the shape of events.k8s.io/v1, in the namespace of what it regards', async () => {
    const { recorder, created } = recorderOn();
    recorder.record(refusal());
    await recorder.stop();
    expect(created).toEqual([
      {
        metadata: { name: 'web.19b76daa80080000000', namespace: 'shop' },
        eventTime: '2026-01-01T00:00:00.000000Z',
        type: 'Warning',
        action: 'Claiming',
        reason: 'InsufficientMemory',
        note: 'memory: requested 4096Mi, available 1024Mi',
        regarding: { apiVersion: CLAIM.apiVersion, kind: 'InstanceClaim', name: 'web', namespace: 'shop', uid: 'u1' },
        reportingController: 'resourcetracker.dev/agent',
        reportingInstance: 'node-1',
      },
    ]);
  });

  it('writes events on cluster-scoped objects to the namespace default', async () => {
    const { recorder, created } = recorderOn();
    recorder.record({ ...refusal(), regarding: { kind: 'ComputeNode', metadata: { name: 'node-1', uid: 'n' } } });
    await recorder.stop();
    expect(created[0]?.metadata?.namespace).toBe('default');
  });

  it.each([
    ['ascii', 'x'.repeat(3_000), 1_024],
    ['characters of three bytes, none cut in two', '漢'.repeat(1_000), 1_023],
  ])('cuts a note of %s to what the server takes', async (_, note, bytes) => {
    const { recorder, created } = recorderOn();
    recorder.record(refusal(note));
    await recorder.stop();
    expect(Buffer.byteLength(created[0]?.note ?? '')).toBe(bytes);
    expect(created[0]?.note).toMatch(/^(x+|漢+)…$/);
  });

  it('counts repetitions on the first event, one write for all within ten seconds', async () => {
    const { recorder, clock, created, patched } = recorderOn();
    recorder.record(refusal());
    await settle();
    for (let repetition = 0; repetition < 50; repetition += 1) recorder.record(refusal());
    await clock.advance(10_000);
    expect(created).toHaveLength(1);
    expect(patched).toMatchObject([
      {
        name: created[0]?.metadata?.name,
        patch: { series: { count: 51 } },
        options: { namespace: 'shop', type: 'merge' },
      },
    ]);
    await clock.advance(60_000);
    expect(patched, 'silence is not written').toHaveLength(1);
  });

  it('begins a new event after six minutes of silence, or with another note', async () => {
    const { recorder, clock, created } = recorderOn();
    recorder.record(refusal());
    recorder.record(refusal('memory: requested 8192Mi, available 1024Mi'));
    await clock.advance(361_000);
    recorder.record(refusal());
    await settle();
    expect(created).toHaveLength(3);
  });

  it('lets 25 different events on one object through, then one in five minutes, and leaves other objects alone', async () => {
    const { recorder, clock, created, lost } = recorderOn();
    for (let index = 0; index < 30; index += 1) recorder.record(refusal(`note ${index}`));
    recorder.record({ ...refusal(), regarding: { metadata: { name: 'other', uid: 'u2' } } });
    await clock.advance(300_000);
    recorder.record(refusal('later'));
    await settle();
    expect(created).toHaveLength(27);
    expect(lost).toEqual(['note 25', 'note 26', 'note 27', 'note 28', 'note 29'].map((note) => `RateLimited: ${note}`));
  });

  it('drops what cannot be written, and starts anew with the next one', async () => {
    const { recorder, created, lost, server } = recorderOn();
    server.failure = unreachable();
    recorder.record(refusal());
    await settle();
    server.failure = undefined;
    recorder.record(refusal());
    await settle();
    expect(lost).toEqual(['WriteFailed: memory: requested 4096Mi, available 1024Mi']);
    expect(created).toHaveLength(1);
    expect(recorder.stats).toEqual({ written: 1, lost: 1, queued: 0 });
  });

  it('is content when the event is there already: an earlier answer was lost', async () => {
    const { recorder, lost, server } = recorderOn();
    server.failure = unreachable('AlreadyExists');
    recorder.record(refusal());
    await recorder.stop();
    expect(lost).toEqual([]);
  });

  it('holds at most a thousand events', async () => {
    const { recorder, lost, server } = recorderOn();
    const gate = Promise.withResolvers<void>();
    server.gate = gate.promise;
    for (let index = 0; index < 1_010; index += 1)
      recorder.record({ ...refusal(), regarding: { metadata: { name: `o${index}` } } });
    expect(recorder.stats.queued).toBe(1_000);
    expect(lost).toHaveLength(9);
    gate.resolve();
    await recorder.stop();
    expect(recorder.stats).toEqual({ written: 1_001, lost: 9, queued: 0 });
  });

  it('writes nothing after it was stopped, and does not wait for each of many failures', async () => {
    const { recorder, clock, lost, server } = recorderOn();
    server.failure = unreachable();
    for (let index = 0; index < 20; index += 1) recorder.record(refusal(`note ${index}`));
    await recorder.stop();
    recorder.record(refusal('too late'));
    expect(lost).toHaveLength(21);
    expect(lost.at(-1)).toBe('Stopped: too late');
    expect(clock.pending).toBe(0);
  });
});
