/** `make bench`: measures every row of the table, or those that ROWS=name,name says, prints it and writes bench/results.json. */
import { mkdir, writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { Bench } from './bench.ts';
import { type Result, type Row, resultOf } from './row.ts';
import { agentMemory } from './rows/agent-memory.ts';
import { auditLibvirt } from './rows/audit-libvirt.ts';
import { connections } from './rows/connections.ts';
import { grantLatency } from './rows/grant-latency.ts';
import { grantThroughput } from './rows/grant-throughput.ts';
import { idleRequests } from './rows/idle-requests.ts';
import { ledgerClaim } from './rows/ledger-claim.ts';
import { ledgerRebuild } from './rows/ledger-rebuild.ts';
import { start } from './rows/start.ts';
import { tableOf } from './table.ts';

const ROWS: readonly Row[] = [
  ledgerRebuild,
  ledgerClaim,
  grantThroughput,
  grantLatency,
  connections,
  agentMemory,
  start,
  auditLibvirt,
  idleRequests,
];
const FOLDER = resolve(import.meta.dirname, '..', '..', 'bench');

function chosenRows(names: string | undefined): readonly Row[] {
  if (names === undefined || names === '') return ROWS;
  return names.split(',').map((name) => {
    const row = ROWS.find((candidate) => candidate.name === name);
    if (row === undefined) throw new Error(`no row "${name}"; there are ${ROWS.map((known) => known.name).join(', ')}`);
    return row;
  });
}

async function measureAll(rows: readonly Row[]): Promise<{ row: Row; result: Result }[]> {
  await using bench = new Bench();
  const results: { row: Row; result: Result }[] = [];
  for (const row of rows) {
    process.stderr.write(`measuring ${row.name} ...\n`);
    results.push({ row, result: resultOf(row, await row.measure(bench)) });
  }
  return results;
}

const results = await measureAll(chosenRows(process.env.ROWS));
await mkdir(FOLDER, { recursive: true });
await writeFile(
  resolve(FOLDER, 'results.json'),
  `${JSON.stringify(
    results.map(({ result }) => result),
    null,
    2,
  )}\n`,
);
process.stdout.write(`${tableOf(results)}\n`);
// libvirt's event loop keeps a thread for as long as the process lives.
process.exit();
