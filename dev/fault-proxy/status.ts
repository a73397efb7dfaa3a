/** The words that the API server has for a status, as far as the proxy pretends to be it. */
const reasons: Readonly<Record<number, string>> = {
  409: 'Conflict',
  410: 'Expired',
  429: 'TooManyRequests',
  500: 'InternalError',
  503: 'ServiceUnavailable',
  504: 'Timeout',
};

/** A metav1.Status as JSON. */
export function statusBody(code: number): string {
  return JSON.stringify({
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Failure',
    message: 'the fault proxy wants it so',
    reason: reasons[code] ?? 'Unknown',
    code,
  });
}
