/**
 * The real protocol with one safeguard taken out of its source: exact snippets are replaced while esbuild bundles it, so that the product
 * needs no hooks for tests. A snippet that is not there any more is an error: the table has to follow the code.
 */
import { readFile } from 'node:fs/promises';
import { basename, resolve } from 'node:path';
import { build, type Plugin } from 'esbuild';
import type { Protocol } from './world/model-process.ts';

/** In src/protocol/<file>.ts. */
export interface Edit {
  readonly file: string;
  readonly from: string;
  readonly to: string;
}

const ROOT = resolve(import.meta.dirname, '../..');
const ENTRY = `
  export { Tracker } from './src/protocol/tracker.ts';
  export { LeaseKeeper } from './src/protocol/lease-keeper.ts';
`;

export async function mutant(edits: readonly Edit[]): Promise<Protocol> {
  if (edits.length === 0) return {};
  const { outputFiles } = await build({
    stdin: { contents: ENTRY, resolveDir: ROOT, loader: 'ts' },
    bundle: true,
    write: false,
    format: 'esm',
    platform: 'node',
    target: 'node24',
    plugins: [edited(edits)],
  });
  const source = Buffer.from(outputFiles[0]?.contents ?? []).toString('base64');
  return (await import(/* @vite-ignore */ `data:text/javascript;base64,${source}`)) as Protocol;
}

function edited(edits: readonly Edit[]): Plugin {
  return {
    name: 'mutant',
    setup: ({ onLoad }) => {
      onLoad({ filter: /[/\\]src[/\\]protocol[/\\][a-z-]+\.ts$/ }, async ({ path }) => {
        const source = await readFile(path, 'utf8');
        const own = edits.filter(({ file }) => `${file}.ts` === basename(path));
        return { contents: own.reduce(apply, source), loader: 'ts' };
      });
    },
  };
}

function apply(source: string, { file, from, to }: Edit): string {
  if (source.split(from).length !== 2) throw new Error(`src/protocol/${file}.ts does not have this once: ${from}`);
  return source.replace(from, () => to);
}
