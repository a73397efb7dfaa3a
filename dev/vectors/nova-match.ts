import { isList, isObject, type Json } from './json.ts';

/**
 * Whether a choice of devices meets Nova's requests, looked up in the case's own words: for the rule that lets the ledger find what Nova
 * does not, so that it lets nothing else pass.
 */
export function meetsRequests(
  requests: Json,
  devices: Json,
  chosen: readonly { readonly request: string; readonly address: string }[],
): boolean {
  if (!isList(requests) || !isList(devices)) return false;
  const isOnce = new Set(chosen.map(({ address }) => address)).size === chosen.length;
  return (
    isOnce &&
    requests.every((request, index) =>
      isMet(
        request,
        chosen.filter((device) => device.request === `r${index}`),
        devices,
      ),
    )
  );
}

function isMet(request: Json, chosen: readonly { readonly address: string }[], devices: readonly Json[]): boolean {
  if (!isObject(request) || !isList(request.spec) || request.count !== chosen.length) return false;
  const { spec } = request;
  return chosen.every(({ address }) => {
    const device = devices.find((other) => isObject(other) && other.address === address);
    return spec.some((wanted) => matches(device, wanted));
  });
}

function matches(device: Json | undefined, wanted: Json): boolean {
  if (!isObject(device) || !isObject(wanted)) return false;
  return Object.entries(wanted).every(([key, value]) => key !== 'extra_info' && device[key] === value);
}
