import { type SpawnOptions, spawn } from 'node:child_process';
import { hasErrorCode } from '../error-code.ts';
import { ToolsError } from './errors.ts';

const outputTailLines = 15;

/**
 * Runs `go` in `directory` and returns what it printed. A go.work file of the person's own is left out of it, and C compilers too.
 * Throws a {@link ToolsError}: `go-missing`, or `build-failed` with the last lines that it printed.
 */
export async function runGo(
  directory: string,
  goArguments: readonly string[],
  env: NodeJS.ProcessEnv,
): Promise<string> {
  const options: SpawnOptions = {
    cwd: directory,
    env: { ...env, CGO_ENABLED: '0', GOWORK: 'off' },
    stdio: ['ignore', 'pipe', 'pipe'],
  };
  const child = spawn('go', goArguments, options);
  let output = '';
  const collect = (chunk: Buffer) => {
    output += chunk.toString();
  };
  child.stdout?.on('data', collect);
  child.stderr?.on('data', collect);
  const { promise, resolve, reject } = Promise.withResolvers<number | null>();
  child.once('error', reject).once('close', resolve);
  const code = await promise.catch((error: unknown) => {
    throw asToolsError(error);
  });
  if (code === 0) return output;
  throw new ToolsError('build-failed', `go ${goArguments[0]} failed:\n${lastLines(output)}`);
}

/** Throws a {@link ToolsError} that says what to install when Go is missing, or older than the `go` line of `goMod`. */
export async function requireGo(directory: string, goMod: string, env: NodeJS.ProcessEnv): Promise<void> {
  const wanted = /^go (\d+\.\d+)/m.exec(goMod)?.[1] ?? '';
  try {
    // Asked inside the module, where a Go that may fetch newer toolchains answers for the one that it will use.
    await runGo(directory, ['env', 'GOVERSION'], env);
  } catch (error) {
    if (!(error instanceof ToolsError)) throw error;
    if (error.reason === 'go-missing') throw missing(wanted, error);
    const found = error.message.trimEnd().split('\n').at(-1);
    throw new ToolsError(
      'go-too-old',
      `Go ${wanted} or newer is needed to build the control plane: install it (${found})`,
      {
        cause: error,
      },
    );
  }
}

function missing(wanted: string, cause: ToolsError): ToolsError {
  const message =
    `Go is not installed: install Go ${wanted} or newer, or set KUBEBUILDER_ASSETS to a folder ` +
    'with etcd, kube-apiserver and kubectl';
  return new ToolsError('go-missing', message, { cause });
}

function asToolsError(error: unknown): unknown {
  if (hasErrorCode(error, 'ENOENT')) return new ToolsError('go-missing', 'go is not on the PATH', { cause: error });
  return error;
}

function lastLines(output: string): string {
  return output.trimEnd().split('\n').slice(-outputTailLines).join('\n');
}
