/** Looks whether a report has what the accounting needs: a driver is a plug-in, and a figure that it lacks must not be taken for nothing. */

/** What a required key of a report must be; figures that the port calls optional are not required, but must be figures. */
const REQUIRED: readonly (readonly [path: string, check: (value: unknown) => boolean, expected: string])[] = [
  ['hostname', isText, 'a text'],
  ['hypervisor.type', isText, 'a text'],
  ['hypervisor.version', isText, 'a text'],
  ['cpuInfo.arch', isText, 'a text'],
  ['cpuInfo.features', Array.isArray, 'a list'],
  ['numaCells', Array.isArray, 'a list'],
  ['totals.memoryBytes', isAmount, 'a bigint, 0 or above'],
  ['totals.diskBytes', isAmount, 'a bigint, 0 or above'],
  ['used', isRecord, 'a record of figures'],
  ['instances', Array.isArray, 'a list'],
  ['problems', Array.isArray, 'a list'],
];
const OPTIONAL: readonly (readonly [path: string, check: (value: unknown) => boolean, expected: string])[] = [
  ['totals.vcpus', isAmount, 'a bigint, 0 or above'],
  ['devices', Array.isArray, 'a list'],
];

/** What is wrong with a report, in one sentence that names every key; undefined when nothing is. (Nova: InvalidInput of the audit, AU-08) */
export function reportFaults(report: unknown): string | undefined {
  const lacking = REQUIRED.filter(([path]) => at(report, path) === undefined).map(([path]) => path);
  const wrong = [...REQUIRED, ...OPTIONAL].flatMap(([path, check, expected]) => {
    const value = at(report, path);
    return value === undefined || check(value) ? [] : [`${path} is not ${expected}`];
  });
  const words = [...(lacking.length > 0 ? [`lacks ${lacking.join(', ')}`] : []), ...wrong];
  return words.length === 0 ? undefined : `the driver's report ${words.join('; ')}`;
}

function at(report: unknown, path: string): unknown {
  return path.split('.').reduce((value, key) => (isRecord(value) ? value[key] : undefined), report);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isText(value: unknown): boolean {
  return typeof value === 'string' && value !== '';
}

function isAmount(value: unknown): boolean {
  return typeof value === 'bigint' && value >= 0n;
}
