import { styleText } from 'node:util';

/** Styles only where a terminal shows them; `styleText` looks at the stream and at NO_COLOR. */
type Style = Parameters<typeof styleText>[0];

/** Prints the demo's story, one line per event. */
export class Printer {
  readonly #startedAtMs = performance.now();
  #kept: string[] | undefined;

  /** What comes next, and why it is worth a look. */
  title(text: string): void {
    this.#line(`\n${styled('bold', `# ${text}`)}`);
  }

  /** Something that happened, with the seconds since the start. */
  event(subject: string, text: string, style: Style = 'reset'): void {
    const seconds = ((performance.now() - this.#startedAtMs) / 1000).toFixed(1).padStart(6);
    this.#line(`${styled('gray', `${seconds}s`)}  ${subject}  ${styled(style, text)}`);
  }

  /** A command line as a user would type it. */
  command(text: string): void {
    this.#line(styled('cyan', `$ ${text}`));
  }

  /** Lines as they are. */
  text(text: string): void {
    this.#line(text);
  }

  /** Keeps what happens meanwhile, so that what a command causes stands below what the command says. */
  async whileRunning<T>(work: () => Promise<T>): Promise<T> {
    this.#kept = [];
    try {
      return await work();
    } finally {
      const kept = this.#kept;
      this.#kept = undefined;
      for (const line of kept) this.#line(line);
    }
  }

  /** Past what is kept: for the command's own output. */
  now(text: string): void {
    process.stdout.write(`${text}\n`);
  }

  #line(line: string): void {
    if (this.#kept === undefined) process.stdout.write(`${line}\n`);
    else this.#kept.push(line);
  }
}

function styled(style: Style, text: string): string {
  return styleText(style, text, { stream: process.stdout });
}
