import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const run = promisify(execFile);

interface Cruise {
  readonly modules: number;
  readonly broken: readonly string[];
}

async function cruise(project: string, ...paths: readonly string[]): Promise<Cruise> {
  const options = ['--config', '.dependency-cruiser.cjs', '--output-type', 'json', ...paths];
  // It exits with the number of violations; what it prints is the answer in any case.
  const { stdout } = await run(resolve('node_modules/.bin/depcruise'), options, {
    cwd: project,
    maxBuffer: 64 << 20,
  }).catch((error: { stdout: string }) => error);
  const { summary } = JSON.parse(stdout) as {
    summary: { totalCruised: number; violations: readonly { rule: { name: string } }[] };
  };
  return { modules: summary.totalCruised, broken: summary.violations.map(({ rule }) => rule.name) };
}

describe('the check of the rooms', () => {
  let copy: string;

  beforeAll(async () => {
    copy = await mkdtemp(join(tmpdir(), 'rooms-'));
    for (const part of ['src', 'dev', 'examples', '.dependency-cruiser.cjs', 'tsconfig.json', 'package.json']) {
      await cp(part, join(copy, part), { recursive: true });
    }
    await symlink(resolve('node_modules'), join(copy, 'node_modules'));
  });

  afterAll(() => rm(copy, { recursive: true, force: true }));

  const violations = [
    { room: 'src/ledger', code: "import '../../protocol/tracker.ts';", breaks: 'room-ledger' },
    { room: 'src/ledger', code: "import 'node:fs';", breaks: 'room-ledger-packages' },
    { room: 'src/quantity', code: "import '../../ledger/ledger.ts';", breaks: 'room-quantity' },
    { room: 'src/protocol', code: "import '../../kube/connection.ts';", breaks: 'room-protocol' },
    { room: 'src/protocol', code: "import 'pino';", breaks: 'room-protocol-packages' },
    { room: 'src/kube', code: "import '../../protocol/tracker.ts';", breaks: 'room-kube' },
    { room: 'src/drivers/libvirt', code: "import '../../../kube/connection.ts';", breaks: 'room-drivers-libvirt' },
    { room: 'src/monitors', code: "import '../../ledger/ledger.ts';", breaks: 'room-monitors' },
    { room: 'src/monitors', code: "import 'node:fs';", breaks: 'room-monitors-packages' },
    { room: 'src/controller', code: "import '../../agent/agent.ts';", breaks: 'room-controller' },
    { room: 'src/controller', code: "import '../../ledger/ledger.ts';", breaks: 'room-controller' },
    { room: 'src/process', code: "import '../../agent/agent.ts';", breaks: 'room-process' },
    { room: 'src/cli', code: "import 'kubernetes-fluent-client';", breaks: 'no-fluent-client-in-bundle' },
    { room: 'src/agent', code: "import '../../../dev/control-plane.ts';", breaks: 'shipped-code-only' },
    { room: 'examples/executor', code: "import '../../../src/quantity/quantity.ts';", breaks: 'executor-stands-alone' },
    { room: 'src/ledger', code: "import './nowhere.ts';", breaks: 'no-unresolved' },
  ];

  it.each(violations)(
    '$room must not say $code',
    async ({ room, code, breaks }) => {
      const file = join(room, 'planted', 'violation.ts');
      await mkdir(dirname(join(copy, file)), { recursive: true });
      await writeFile(join(copy, file), code);
      expect((await cruise(copy, file)).broken).toContain(breaks);
    },
    20_000,
  );

  it('passes on the project as it is, and really looks at it', async () => {
    const { modules, broken } = await cruise('.', 'src/ledger', 'src/protocol', 'src/kube', 'src/agent');
    expect(broken).toEqual([]);
    expect(modules).toBeGreaterThan(60);
  }, 30_000);
});
