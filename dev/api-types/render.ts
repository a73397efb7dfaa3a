import type { CustomResourceDefinition, Schema } from './schema.ts';

/** What is the same for every node of a schema while it is rendered. */
interface Rendering {
  readonly names: Readonly<Record<string, string>>;
  /** Declarations by name, in the order in which they are first met. */
  readonly declarations: Map<string, Declaration>;
}

interface Declaration {
  readonly text: string;
  /** The text without its comments: what two places that share a name must agree on. */
  readonly shape: string;
}

const HEADER = `// Generated from crds/ by \`npm run generate\`. Do not edit.
import type { ObjectMeta } from '../object-meta.ts';

/** A Kubernetes quantity, such as "4Gi" or 1073741824; read it with src/quantity. */
export type Quantity = number | string;
`;

/** The TypeScript module with the types of all these kinds. */
export function renderTypes(definitions: readonly CustomResourceDefinition[], names: Rendering['names']): string {
  const rendering: Rendering = { names, declarations: new Map() };
  for (const definition of definitions) declareKind(definition, rendering);
  return [HEADER, ...[...rendering.declarations.values()].map(({ text }) => text)].join('\n');
}

function declareKind({ spec }: CustomResourceDefinition, rendering: Rendering): void {
  const [version] = spec.versions;
  const root = version.schema.openAPIV3Schema;
  const { kind } = spec.names;
  const part = (name: string) => `${typeOf(root.properties?.[name] ?? {}, `${kind}.${name}`, rendering)};`;
  const lines = [
    `  readonly apiVersion: '${spec.group}/${version.name}';`,
    `  readonly kind: '${kind}';`,
    '  readonly metadata: ObjectMeta;',
    `  readonly spec: ${part('spec')}`,
    `  readonly status?: ${part('status')}`,
  ];
  declare(kind, root, `export interface ${kind} {\n${lines.join('\n')}\n}\n`, rendering);
}

function typeOf(schema: Schema, path: string, rendering: Rendering): string {
  if (schema['x-kubernetes-int-or-string'] === true) return 'Quantity';
  if (schema.enum !== undefined) return declareUnion(schema, schema.enum, path, rendering);
  if (schema.items !== undefined) return arrayOf(typeOf(schema.items, `${path}[]`, rendering));
  if (schema.additionalProperties !== undefined) {
    return `Readonly<Record<string, ${typeOf(schema.additionalProperties, `${path}{}`, rendering)}>>`;
  }
  if (schema.properties !== undefined) return declareInterface(schema, schema.properties, path, rendering);
  return scalar(schema, path);
}

function scalar(schema: Schema, path: string): string {
  if (schema.type === 'string' || schema.type === 'boolean') return schema.type;
  if (schema.type === 'integer' || schema.type === 'number') return 'number';
  throw new Error(
    `${path}: a schema of type ${schema.type ?? 'unknown'} without properties has no TypeScript type here`,
  );
}

function arrayOf(entry: string): string {
  return /^[\w.]+$/.test(entry) ? `readonly ${entry}[]` : `readonly (${entry})[]`;
}

function declareUnion(schema: Schema, values: readonly string[], path: string, rendering: Rendering): string {
  const union = values.map((value) => `'${value}'`).join(' | ');
  const name = rendering.names[path];
  if (name === undefined) return union;
  declare(name, schema, `export type ${name} = ${union};\n`, rendering);
  return name;
}

function declareInterface(
  schema: Schema,
  properties: Readonly<Record<string, Schema>>,
  path: string,
  rendering: Rendering,
): string {
  const name = rendering.names[path] ?? path.split('.').map(capitalized).join('');
  const required = new Set(schema.required);
  const members = Object.entries(properties).map(([key, property]) => {
    const type = typeOf(property, `${path}.${key}`, rendering);
    return `${comment(property, '  ')}  readonly ${key}${required.has(key) ? '' : '?'}: ${type};\n`;
  });
  declare(name, schema, `export interface ${name} {\n${members.join('')}}\n`, rendering);
  return name;
}

function declare(name: string, schema: Schema, code: string, { names, declarations }: Rendering): void {
  const shape = code.replaceAll(/^ *\/\*\*.*\*\/\n/gm, '');
  const existing = declarations.get(name);
  if (existing === undefined) declarations.set(name, { text: declarationComment(name, schema, names) + code, shape });
  else if (existing.shape !== shape) throw new Error(`${name} stands for two shapes:\n${existing.shape}\n${shape}`);
}

/** A type that stands at several places is described where it is used; what the first place says of it would mislead at the others. */
function declarationComment(name: string, schema: Schema, names: Rendering['names']): string {
  const places = Object.keys(names).filter((path) => names[path] === name);
  return comment(places.length > 1 ? { description: `At ${places.join(', ')}.` } : schema, '');
}

function comment({ description }: Schema, indent: string): string {
  return description === undefined ? '' : `${indent}/** ${description.trim().replaceAll('*/', '*\\/')} */\n`;
}

function capitalized(word: string): string {
  return word.charAt(0).toUpperCase() + word.slice(1).replaceAll('[]', 'Entry');
}
