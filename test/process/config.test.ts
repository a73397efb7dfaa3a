import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ConfigError, loadConfig } from '../../src/process/config.ts';
import { name, option, optional, text, whole } from '../../src/process/option.ts';

const OPTIONS = {
  node: option<string>({ flag: 'node', placeholder: 'NAME', description: 'which', read: name }),
  seconds: option<number>({
    flag: 'seconds',
    placeholder: 'SECONDS',
    description: 'how long',
    read: whole(1, 60),
    fallback: '5',
  }),
  note: optional<string>({ flag: 'note', placeholder: 'TEXT', description: 'for people', read: text }),
} as const;

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'config-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

const fileWith = (content: string): string => {
  const path = join(folder, 'config.yaml');
  writeFileSync(path, content);
  return path;
};

describe('loadConfig', () => {
  it.each([
    { title: 'the default, where nothing is given', given: { flags: { node: 'a' } }, seconds: 5 },
    { title: 'the file', given: { flags: { node: 'a' }, file: 'seconds: 6' }, seconds: 6 },
    {
      title: 'the environment before the file',
      given: { flags: { node: 'a' }, environment: { RESOURCE_TRACKER_SECONDS: '7' }, file: 'seconds: 6' },
      seconds: 7,
    },
    {
      title: 'the flag before the environment',
      given: { flags: { node: 'a', seconds: '8' }, environment: { RESOURCE_TRACKER_SECONDS: '7' } },
      seconds: 8,
    },
    {
      title: 'what comes next, where a variable is set and empty',
      given: { flags: { node: 'a' }, environment: { RESOURCE_TRACKER_SECONDS: '' } },
      seconds: 5,
    },
  ])('takes $title.', ({ given, seconds }) => {
    const file = given.file === undefined ? {} : { file: fileWith(given.file) };
    const config = loadConfig(OPTIONS, { environment: {}, ...given, ...file });
    expect(config).toEqual({ node: 'a', seconds });
  });

  it.each([
    {
      title: 'a value that cannot be',
      flags: { node: 'a', seconds: '61' },
      message: '--seconds: must be a whole number from 1 to 60 (given: 61)',
    },
    {
      title: 'a lack',
      flags: {},
      message:
        '--node NAME is missing; give it as a flag, as RESOURCE_TRACKER_NODE, or as node in the configuration file',
    },
    {
      title: 'a key that is not known',
      flags: { node: 'a' },
      file: 'secnods: 1',
      message: /keys that are not known: secnods/,
    },
    { title: 'a file that is no map', flags: { node: 'a' }, file: '- a', message: /must be a map/ },
  ])('refuses $title with one line that says what to write.', ({ flags, file, message }) => {
    const load = () =>
      loadConfig(OPTIONS, { flags, environment: {}, ...(file !== undefined && { file: fileWith(file) }) });
    expect(load).toThrow(ConfigError);
    expect(load).toThrow(message);
  });
});
