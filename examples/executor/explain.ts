/** For the error of a command that failed: throws what the command said, without the command line. */
export function explain(error: unknown): never {
  const { stderr = '' } = error as { readonly stderr?: string };
  const words = stderr
    .trim()
    .replaceAll(/^error: /gm, '')
    .replaceAll('\n', ' ');
  throw words === '' ? error : new Error(words, { cause: error });
}
