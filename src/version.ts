import manifest from '../package.json' with { type: 'json' };

/** The project's version; package.json is its one place. */
export const VERSION: string = manifest.version;
