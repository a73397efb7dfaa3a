import { Option as Flag } from 'commander';

/** A flag whose camel case may not be quite the option's name: --host-ip is hostIP. */
export class NamedFlag extends Flag {
  readonly #attribute: string;

  constructor(flags: string, description: string, attribute: string) {
    super(flags, description);
    this.#attribute = attribute;
  }

  override attributeName(): string {
    return this.#attribute;
  }
}
