/** A rule was broken. The message holds the seed and the last steps. */
export class BrokenRule extends Error {
  override readonly name = 'BrokenRule';
}
