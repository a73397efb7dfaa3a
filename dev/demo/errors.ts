/** The demo cannot go on, or something came out otherwise than it says. The message is for people. */
export class DemoError extends Error {
  override readonly name = 'DemoError';
}
