/** The part of a request's path that names a kind and its subresource, such as `instanceclaims/status`: fit for a metric's label. */
export function resourceOfPath(path: string): string {
  const segments = path.split('/').filter((segment) => segment !== '');
  // /api/v1/... or /apis/<group>/<version>/...
  const rest = segments.slice(segments[0] === 'api' ? 2 : 3);
  // `namespaces` is a scope only where something follows the namespace's name.
  const [plural = 'other', , subresource] = rest[0] === 'namespaces' && rest.length > 2 ? rest.slice(2) : rest;
  return subresource === undefined ? plural : `${plural}/${subresource}`;
}

/** A query string with its question mark; empty without parameters. Undefined ones are left out. */
export function queryString(query: Readonly<Record<string, string | number | boolean | undefined>> = {}): string {
  const given = Object.entries(query).flatMap(([name, value]) =>
    value === undefined ? [] : [`${encodeURIComponent(name)}=${encodeURIComponent(value)}`],
  );
  return given.length === 0 ? '' : `?${given.join('&')}`;
}
