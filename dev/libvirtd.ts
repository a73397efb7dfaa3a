/**
 * A libvirtd of one's own with QEMU, for tests, the demo and benchmarks: in a folder of its own, beside any other libvirtd of the machine,
 * gone without a trace when it is stopped or when this process dies, however it dies.
 *
 * It runs in session mode, in which libvirt keeps all its state below XDG folders (system mode has its paths compiled in), and so
 * without root; started by root it drops to `nobody`. Guests have no disk, are emulated and start paused: 35 MB and no CPU each.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { access, chown, constants, mkdir, mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);

export interface Libvirtd {
  /** For virConnectOpen and `virsh -c`. */
  readonly uri: string;
  /** A folder on the file system that the instances would be on. */
  readonly instancesPath: string;
  /** For `virsh migrate --migrateuri` when a guest comes to this host: a socket in its folder, so each guest that comes needs its own name. */
  migrationUri(name: string): string;
  /** Runs virsh on it and gives its output. */
  virsh(...words: readonly string[]): Promise<string>;
  /** Like virsh, with a document handed over as a file in the place of `{}`. */
  virshWith(document: string, ...words: readonly string[]): Promise<string>;
  /** Process of a running guest. */
  guestPid(name: string): Promise<number>;
  /** SIGKILL: guests stay. */
  kill(): Promise<void>;
  /** Lets it hang, and go on. */
  signal(signal: 'SIGSTOP' | 'SIGCONT'): void;
  /** Starts it again after `kill`. */
  start(): Promise<void>;
  /** Ends it and all guests, and removes everything. May be called twice. */
  stop(): Promise<void>;
}

export interface GuestOptions {
  readonly name: string;
  readonly uuid: string;
  readonly memoryMiB?: number;
  readonly vcpus?: number;
  /** XML inside `<metadata>`. */
  readonly metadata?: string;
  /** XML inside `<devices>`. */
  readonly devices?: string;
  /** A file that is laid into its memory, from 16 MiB on: what is random takes as long to migrate as the bandwidth lets it. */
  readonly ballast?: string;
}

const NOBODY = 65534;
const START_TIMEOUT_MS = 30_000;
const STOP_TIMEOUT_MS = 15_000;
const VIRSH_TIMEOUT_MS = 30_000;
const POLL_MS = 50;

/**
 * Waits until its standard input ends, which is when its parent stops it or dies. Daemon first, so that it does not miss its guests; a
 * pid is only killed if its command line names the folder, as pids are used again.
 */
const SUPERVISOR = `
exec 2>/dev/null
read -r nothing
for round in 1 2 3 4 5 6 7 8 9 10; do
  left=0
  for file in "$1/libvirtd.pid" "$1"/run/libvirt/qemu/run/*.pid; do
    pid=$(cat "$file") || continue
    if tr '\\0' ' ' <"/proc/$pid/cmdline" | grep -qF "$1"; then kill -9 "$pid"; left=1; fi
  done
  [ "$left" = 0 ] && break
  sleep 0.1
done
rm -rf "$1"
`;

/** What this machine lacks to run it, in words; undefined when nothing is missing. */
export async function missingForLibvirtd(): Promise<string | undefined> {
  const programs = ['libvirtd', 'virsh', 'setpriv', 'qemu-system-x86_64'];
  const found = await Promise.all(programs.map(isInPath));
  const missing = programs.filter((_program, index) => found[index] === false);
  if (missing.length === 0) return undefined;
  return `${missing.join(', ')} not found: install libvirt-daemon-system, libvirt-clients and qemu-system-x86`;
}

/** Starts a libvirtd. */
export async function startLibvirtd(): Promise<Libvirtd> {
  const folder = await prepareFolder();
  const supervisor = spawn('sh', ['-c', SUPERVISOR, 'sh', folder], {
    stdio: ['pipe', 'ignore', 'inherit'],
    detached: true,
  });
  const uri = `qemu+unix:///session?socket=${join(folder, 'run', 'libvirt-sock')}`;
  let daemon: ChildProcess | undefined;
  let documents = 0;

  const virsh = async (...words: readonly string[]): Promise<string> => {
    const { stdout } = await run('virsh', ['-q', '-c', uri, ...words], { timeout: VIRSH_TIMEOUT_MS });
    return stdout;
  };
  const start = async (): Promise<void> => {
    daemon = spawnDaemon(folder);
    await until(START_TIMEOUT_MS, `libvirtd in ${folder} answers`, async () => {
      if (daemon?.exitCode !== null) throw new Error(`libvirtd ended: ${await readLog(folder)}`);
      return (await virsh('uri').catch(() => '')) !== '';
    });
  };
  const stop = async (): Promise<void> => {
    supervisor.stdin.end();
    await until(STOP_TIMEOUT_MS, `${folder} is removed`, async () => supervisor.exitCode !== null);
  };
  try {
    await start();
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    uri,
    instancesPath: folder,
    migrationUri: (name) => `unix://${join(folder, `${name}.sock`)}`,
    virsh,
    virshWith: async (document, ...words) => {
      documents += 1;
      const file = join(folder, `document-${documents}.xml`);
      await writeFile(file, document);
      return virsh(...words.map((word) => (word === '{}' ? file : word)));
    },
    guestPid: async (name) =>
      Number(await readFile(join(folder, 'run', 'libvirt', 'qemu', 'run', `${name}.pid`), 'utf8')),
    kill: async () => {
      daemon?.kill('SIGKILL');
      await until(STOP_TIMEOUT_MS, 'libvirtd is dead', async () => daemon?.signalCode !== null);
    },
    signal: (signal) => {
      daemon?.kill(signal);
    },
    start,
    stop,
  };
}

/** XML of a guest that costs little. */
export function guestXml(options: GuestOptions): string {
  return `<domain type="qemu" xmlns:qemu="http://libvirt.org/schemas/domain/qemu/1.0">
  <name>${options.name}</name>
  <uuid>${options.uuid}</uuid>
  <metadata>${options.metadata ?? ''}</metadata>
  <memory unit="MiB">${options.memoryMiB ?? 64}</memory>
  <vcpu>${options.vcpus ?? 1}</vcpu>
  <os><type arch="x86_64" machine="pc">hvm</type></os>
  <devices><emulator>/usr/bin/qemu-system-x86_64</emulator>${options.devices ?? ''}</devices>
  ${options.ballast === undefined ? '' : ballastXml(options.ballast)}
</domain>`;
}

function ballastXml(file: string): string {
  const device = `loader,file=${file},addr=0x1000000,force-raw=on`;
  return `<qemu:commandline><qemu:arg value="-device"/><qemu:arg value="${device}"/></qemu:commandline>`;
}

async function prepareFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'rt-libvirtd-'));
  const folders = ['', 'run', 'config', 'config/libvirt', 'cache', 'data'].map((name) => join(folder, name));
  for (const path of folders) await mkdir(path, { recursive: true });
  // Output of guests goes to files: no virtlogd is needed.
  await writeFile(join(folder, 'config/libvirt/qemu.conf'), 'stdio_handler = "file"\n');
  await writeFile(
    join(folder, 'libvirtd.conf'),
    [
      `unix_sock_dir = "${join(folder, 'run')}"`,
      'auth_unix_ro = "none"',
      'auth_unix_rw = "none"',
      `log_outputs = "3:file:${join(folder, 'libvirtd.log')}"`,
      // Else that of the machine, and libvirt refuses to migrate a guest to the host that it is on.
      `host_uuid = "${randomUUID()}"`,
    ].join('\n'),
  );
  if (isRoot()) for (const path of folders) await chown(path, NOBODY, NOBODY);
  return folder;
}

function spawnDaemon(folder: string): ChildProcess {
  const dropRoot = isRoot() ? [`--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups'] : [];
  const command = [
    ...[...dropRoot, '--pdeathsig=KILL', 'libvirtd'],
    ...['--config', join(folder, 'libvirtd.conf'), '--pid-file', join(folder, 'libvirtd.pid')],
  ];
  return spawn('setpriv', command, {
    cwd: folder,
    stdio: 'ignore',
    env: {
      PATH: `${process.env.PATH ?? ''}${delimiter}/usr/sbin`,
      HOME: folder,
      XDG_RUNTIME_DIR: join(folder, 'run'),
      XDG_CONFIG_HOME: join(folder, 'config'),
      XDG_CACHE_HOME: join(folder, 'cache'),
      XDG_DATA_HOME: join(folder, 'data'),
    },
  });
}

function isRoot(): boolean {
  return process.getuid?.() === 0;
}

async function isInPath(program: string): Promise<boolean> {
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/sbin'];
  const found = await Promise.all(
    folders.map((path) =>
      access(join(path, program), constants.X_OK).then(
        () => true,
        () => false,
      ),
    ),
  );
  return found.includes(true);
}

async function readLog(folder: string): Promise<string> {
  return readFile(join(folder, 'libvirtd.log'), 'utf8').catch(() => 'no log');
}

async function until(timeoutMs: number, what: string, isTrue: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (!(await isTrue())) {
    if (performance.now() > deadline) throw new Error(`not within ${timeoutMs} ms: ${what}`);
    await delay(POLL_MS);
  }
}
