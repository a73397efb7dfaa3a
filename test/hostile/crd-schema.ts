import { readFileSync } from 'node:fs';
import { parse } from 'yaml';

/** The parts of a CRD's schema that the API server checks a status against (no CEL: no rule of ours looks at a status alone). */
interface Schema {
  readonly type?: string;
  readonly format?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: Schema;
  readonly required?: readonly string[];
  readonly items?: Schema;
  readonly enum?: readonly unknown[];
  readonly pattern?: string;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly maxItems?: number;
  readonly maxProperties?: number;
  readonly 'x-kubernetes-int-or-string'?: boolean;
  readonly 'x-kubernetes-list-type'?: string;
  readonly 'x-kubernetes-list-map-keys'?: readonly string[];
}

/** The schema of a kind's status. */
export function statusSchema(plural: 'computenodes' | 'instanceclaims' | 'migrations'): Schema {
  const text = readFileSync(new URL(`../../crds/${plural}.yaml`, import.meta.url), 'utf8');
  const status = parse(text).spec.versions[0].schema.openAPIV3Schema.properties.status;
  return status satisfies Schema;
}

/** Why the API server would refuse a value, as it sees it after JSON; empty when it would not. */
export function faultsOf(value: unknown, schema: Schema): readonly string[] {
  const text = JSON.stringify(value);
  // What is no valid Unicode would come back as something else.
  return [...(text.includes('\\ud') ? ['lone surrogate'] : []), ...faults(JSON.parse(text), schema, 'status')];
}

function faults(value: unknown, schema: Schema, path: string): string[] {
  if (schema['x-kubernetes-int-or-string'] === true) {
    return typeof value === 'string' ? textFaults(value, schema, path) : numberFaults(value, schema, path);
  }
  switch (schema.type) {
    case 'object':
      return objectFaults(value, schema, path);
    case 'array':
      return listFaults(value, schema, path);
    case 'integer':
      return numberFaults(value, schema, path);
    case 'string':
      return typeof value === 'string' ? textFaults(value, schema, path) : [`${path}: no text`];
    default:
      return typeof value === schema.type ? [] : [`${path}: no ${schema.type}`];
  }
}

function objectFaults(value: unknown, schema: Schema, path: string): string[] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return [`${path}: no object`];
  const entries = Object.entries(value);
  const missing = (schema.required ?? []).filter((name) => !(name in value)).map((name) => `${path}.${name}: missing`);
  const tooMany = entries.length > (schema.maxProperties ?? Number.POSITIVE_INFINITY) ? [`${path}: too many keys`] : [];
  const inside = entries.flatMap(([name, content]) => {
    const of = schema.properties?.[name] ?? schema.additionalProperties;
    return of === undefined ? [`${path}.${name}: unknown`] : faults(content, of, `${path}.${name}`);
  });
  return [...missing, ...tooMany, ...inside];
}

function listFaults(value: unknown, schema: Schema, path: string): string[] {
  if (!Array.isArray(value)) return [`${path}: no list`];
  const tooMany = value.length > (schema.maxItems ?? Number.POSITIVE_INFINITY) ? [`${path}: too many`] : [];
  const keys = schema['x-kubernetes-list-map-keys'] ?? [];
  const identities = value.map((item) => JSON.stringify(keys.length === 0 ? item : keys.map((key) => item[key])));
  const isUnique = schema['x-kubernetes-list-type'] !== 'map' && schema['x-kubernetes-list-type'] !== 'set';
  const twice = isUnique || new Set(identities).size === value.length ? [] : [`${path}: something is in it twice`];
  const inside = value.flatMap((item, index) => faults(item, schema.items ?? {}, `${path}[${index}]`));
  return [...tooMany, ...twice, ...inside];
}

function textFaults(value: string, schema: Schema, path: string): string[] {
  const length = [...value].length;
  return [
    ...(length > (schema.maxLength ?? Number.POSITIVE_INFINITY) ? [`${path}: ${length} characters`] : []),
    ...(length < (schema.minLength ?? 0) ? [`${path}: too short`] : []),
    ...(schema.pattern !== undefined && !new RegExp(schema.pattern).test(value) ? [`${path}: "${value}"`] : []),
    ...(schema.enum !== undefined && !schema.enum.includes(value) ? [`${path}: "${value}"`] : []),
    ...(schema.format === 'date-time' && Number.isNaN(Date.parse(value)) ? [`${path}: "${value}"`] : []),
  ];
}

function numberFaults(value: unknown, schema: Schema, path: string): string[] {
  if (!Number.isSafeInteger(value)) return [`${path}: ${String(value)} is no exact whole number`];
  const [least, most] = [schema.minimum ?? Number.NEGATIVE_INFINITY, schema.maximum ?? Number.POSITIVE_INFINITY];
  return Number(value) < least || Number(value) > most ? [`${path}: ${String(value)}`] : [];
}
