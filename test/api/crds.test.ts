import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import type { Schema } from '../../dev/api-types/schema.ts';
import { generateApiTypes, readGeneratedApiTypes } from '../../dev/generate-api.ts';

/** A schema with what types do not need. */
interface FullSchema extends Omit<Schema, 'properties' | 'items' | 'additionalProperties'> {
  readonly properties?: Readonly<Record<string, FullSchema>>;
  readonly items?: FullSchema;
  readonly additionalProperties?: FullSchema;
  readonly maxLength?: number;
  readonly maxItems?: number;
  readonly maxProperties?: number;
  readonly format?: string;
  readonly default?: unknown;
  readonly 'x-kubernetes-list-type'?: string;
  readonly 'x-kubernetes-validations'?: readonly { readonly rule: string; readonly message: string }[];
}

interface Field {
  readonly path: string;
  readonly schema: FullSchema;
}

const CRDS = new URL('../../crds/', import.meta.url);
const FIELDS = readdirSync(CRDS)
  .map((file) => parse(readFileSync(new URL(file, CRDS), 'utf8')).spec)
  .flatMap(({ names, versions }) => fieldsOf(names.kind, versions[0].schema.openAPIV3Schema));

/** Amounts of bytes that a person writes; ratios, which are quantities too, stand under allocationRatios. */
const AMOUNTS = FIELDS.filter(
  ({ path, schema }) => isQuantity(schema) && /\.spec\..*(memory|disk)$/i.test(path),
).filter(({ path }) => !path.includes('allocationRatios'));
const RATIOS = FIELDS.filter(({ path }) => /\.spec\.allocationRatios\./.test(path));

test('The generated types are those that follow from crds/; else run npm run generate.', () => {
  expect(readGeneratedApiTypes()).toBe(generateApiTypes());
});

describe('The CRDs', () => {
  test('describe every field.', () => {
    const silent = FIELDS.filter(({ path, schema }) => !/\.metadata$|\{\}$/.test(path) && !schema.description);
    expect(silent.map(({ path }) => path)).toEqual([]);
    expect(FIELDS.length).toBeGreaterThan(200);
  });

  test('bound every string, list and map, so that objects stay small and rules cheap.', () => {
    const unbounded = FIELDS.filter(
      ({ path, schema }) => !/\.(apiVersion|kind|metadata)$/.test(path) && !isBounded(schema),
    );
    expect(unbounded.map(({ path }) => path)).toEqual([]);
  });

  test('say of every list how it is merged.', () => {
    const vague = FIELDS.filter(({ schema }) => schema.type === 'array' && !schema['x-kubernetes-list-type']);
    expect(vague.map(({ path }) => path)).toEqual([]);
  });

  test('have one default only: what is absent means what the agent is configured with.', () => {
    const defaults = FIELDS.filter(({ schema }) => schema.default !== undefined);
    expect(defaults.map(({ path, schema }) => `${path}=${schema.default}`)).toEqual([
      'InstanceClaim.spec.whenInsufficient=Reject',
    ]);
  });

  test.each([
    ['amount', AMOUNTS, 14],
    ['ratio', RATIOS, 3],
  ])('test every %s that a person writes by the same rules.', (_word, fields, count) => {
    expect(fields).toHaveLength(count);
    const [first] = fields.map(({ schema }) => commonRules(schema));
    for (const { path, schema } of fields) expect(commonRules(schema), path).toEqual(first);
  });
});

function commonRules({ maxLength, 'x-kubernetes-validations': rules = [] }: FullSchema): object {
  return { maxLength, rules: rules.filter(({ message }) => !message.startsWith('must be more than zero')) };
}

function isBounded(schema: FullSchema): boolean {
  if (schema.type === 'array') return schema.maxItems !== undefined;
  if (schema.additionalProperties !== undefined) return schema.maxProperties !== undefined;
  const isText = schema.type === 'string' || isQuantity(schema);
  return !isText || schema.maxLength !== undefined || schema.enum !== undefined || schema.format === 'date-time';
}

function isQuantity(schema: FullSchema): boolean {
  return schema['x-kubernetes-int-or-string'] === true;
}

function fieldsOf(path: string, schema: FullSchema): Field[] {
  const children = [
    ...Object.entries(schema.properties ?? {}).map(([key, child]) => [`${path}.${key}`, child] as const),
    ...(schema.items === undefined ? [] : [[`${path}[]`, schema.items] as const]),
    ...(schema.additionalProperties === undefined ? [] : [[`${path}{}`, schema.additionalProperties] as const]),
  ];
  return [{ path, schema }, ...children.flatMap(([childPath, child]) => fieldsOf(childPath, child))];
}
