/** RFC 3339 with microseconds, as Leases and Events have it; JavaScript knows only the milliseconds. */
export function microTime(date: Date): string {
  return date.toISOString().replace('Z', '000Z');
}
