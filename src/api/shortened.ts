/** A text of at most so many characters, and of valid Unicode: anything else would come back from the API server as another text. */
export function shortened(text: string, most: number): string {
  const sound = text.toWellFormed();
  return sound.length <= most ? sound : `${sound.slice(0, most - 1).toWellFormed()}…`;
}
