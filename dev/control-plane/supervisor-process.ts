// The process that owns the servers and their directory. It runs apart from the one that wants a control plane, in a session of
// its own, and ends with it: when the channel to its owner closes, for whatever reason, it kills the servers and removes the
// directory. A handler inside the owner could not do that, as nothing in a process runs after SIGKILL or a crash.

import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, openSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Command, Report } from './messages.ts';

type Server = { readonly child: ChildProcess; readonly exited: Promise<void> };

const directory = mkdtempSync(join(tmpdir(), 'resource-tracker-'));
const servers = new Map<string, Server>();
let ending = false;

process.on('message', (command: Command) => obey(command));
process.on('disconnect', end);
// Whoever ends the supervisor means the control plane.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, end);
report({ kind: 'ready', directory });

function obey(command: Command): void {
  if (command.kind === 'start') start(command);
  else if (command.kind === 'kill') servers.get(command.server)?.child.kill('SIGKILL');
  else end();
}

function start({ server, file, arguments: serverArguments }: Extract<Command, { kind: 'start' }>): void {
  if (ending) return;
  const log = openSync(join(directory, `${server}.log`), 'a');
  const child = spawn(file, serverArguments, { cwd: directory, stdio: ['ignore', log, log] });
  const { promise, resolve } = Promise.withResolvers<void>();
  servers.set(server, { child, exited: promise });
  const exited = (reason: string) => {
    servers.delete(server);
    resolve();
    report({ kind: 'exited', server, reason });
  };
  child.once('spawn', () => report({ kind: 'started', server, processId: child.pid ?? 0 }));
  child.once('error', (error) => exited(error.message));
  child.once('exit', (code, signal) => exited(signal === null ? `code ${code}` : `signal ${signal}`));
}

function end(): void {
  if (ending) return;
  ending = true;
  void removeEverything().then(() => process.exit(0));
}

/** Killed, not asked: their data goes with the directory, and a polite API server takes up to a minute to close its watches. */
async function removeEverything(): Promise<void> {
  for (const { child } of servers.values()) child.kill('SIGKILL');
  await Promise.all([...servers.values()].map(({ exited }) => exited));
  await rm(directory, { recursive: true, force: true, maxRetries: 5 });
}

function report(message: Report): void {
  // The owner may be gone already, which 'disconnect' tells.
  if (process.connected) process.send?.(message, () => undefined);
}
