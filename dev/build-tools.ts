// Builds the pinned tools where they lack, and prints their folder: `export PATH="$(node dev/build-tools.ts):$PATH"`.
import { ToolsError } from './tools/errors.ts';
import { ensureTools } from './tools.ts';

try {
  console.log(await ensureTools());
} catch (error) {
  if (!(error instanceof ToolsError)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}
