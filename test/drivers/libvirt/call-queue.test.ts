import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { DriverError } from '../../../src/drivers/driver.ts';
import { createCallQueue } from '../../../src/drivers/libvirt/call-queue.ts';

const GONE = new DriverError('Disconnected', 'gone');

function ignoreHung(): void {}

describe('calls of one connection', () => {
  it('run one after another, in order', async () => {
    const queue = createCallQueue(1_000, ignoreHung);
    const seen: string[] = [];
    const call = (name: string, ms: number) =>
      queue.run(name, async () => {
        seen.push(`${name} begins`);
        await delay(ms);
        seen.push(`${name} ends`);
      });
    await Promise.all([call('one', 10), call('two', 0)]);
    expect(seen).toEqual(['one begins', 'one ends', 'two begins', 'two ends']);
  });

  it('one that fails does not stop the next', async () => {
    const queue = createCallQueue(1_000, ignoreHung);
    const failing = queue.run('one', () => Promise.reject(new DriverError('CallFailed', 'no')));
    await expect(failing).rejects.toMatchObject({ code: 'CallFailed' });
    await expect(queue.run('two', async () => 2)).resolves.toBe(2);
  });

  it('one that takes too long is given up, and so is the queue', async () => {
    const hung: DriverError[] = [];
    const queue = createCallQueue(10, (error) => hung.push(error));
    const { promise, resolve } = Promise.withResolvers<number>();
    const late = queue.run('slow', () => promise);
    const waiting = queue.run('waiting', async () => 1);
    await expect(late).rejects.toMatchObject({ code: 'Timeout', retryable: true });
    resolve(1);
    await expect(waiting).rejects.toMatchObject({ code: 'Timeout' });
    expect(hung).toHaveLength(1);
  });

  it('is idle only when the call that was given up has come back', async () => {
    const queue = createCallQueue(10, ignoreHung);
    const { promise, resolve } = Promise.withResolvers<number>();
    await expect(queue.run('slow', () => promise)).rejects.toMatchObject({ code: 'Timeout' });
    let idle = false;
    const waiting = queue.idle().then(() => {
      idle = true;
    });
    await delay(10);
    expect(idle).toBe(false);
    resolve(1);
    await waiting;
  });

  it('what waits when the queue is closed is refused, what runs ends', async () => {
    const queue = createCallQueue(1_000, ignoreHung);
    const running = queue.run('one', () => delay(5, 1));
    const waiting = queue.run('two', async () => 2);
    await delay(0);
    queue.close(GONE);
    await expect(running).resolves.toBe(1);
    await expect(waiting).rejects.toBe(GONE);
    await expect(queue.run('three', async () => 3)).rejects.toBe(GONE);
  });

  it('does not let calls pile up without end', async () => {
    const queue = createCallQueue(1_000, ignoreHung);
    const calls = Array.from({ length: 300 }, () => queue.run('one', async () => 1).catch((error: unknown) => error));
    const refused = (await Promise.all(calls)).filter((outcome) => outcome instanceof DriverError);
    expect(refused.length).toBeGreaterThan(0);
  });
});
