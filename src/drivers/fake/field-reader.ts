/** Reads a YAML document field by field and collects every mistake with its line, instead of stopping at the first. */
import { type Document, isNode, LineCounter, parseDocument } from 'yaml';
import { parseBytes, QuantityError } from '../../quantity/quantity.ts';

/**
 * One field. Readers never throw: a mistake is noted and a harmless value returned, as the caller looks at the mistakes at the end.
 */
export interface FieldReader {
  readonly isPresent: boolean;
  /** The document is no YAML or no mapping: nothing below can be read. */
  readonly isBroken: boolean;
  at(key: string | number): FieldReader;
  /** Notes every other key as a mistake. */
  only(keys: readonly string[]): FieldReader;
  text(): string;
  textOr(fallback: string): string;
  flagOr(fallback: boolean): boolean;
  /** A whole number, 0 or above. */
  count(): bigint;
  /** A Kubernetes quantity of whole bytes, 0 or above. */
  bytes(): bigint;
  matching(pattern: RegExp, expected: string): string;
  /** Undefined where it is absent. */
  choice<Choice extends string>(choices: readonly Choice[]): Choice | undefined;
  list<Value>(read: (element: FieldReader) => Value): Value[];
  /** A list in which no two elements have the same value of this key. */
  uniqueList<Value>(key: string, read: (element: FieldReader) => Value): Value[];
}

type Path = readonly (string | number)[];

export interface FieldDocument {
  readonly root: FieldReader;
  /** `file:line: field: what is wrong; what to write`, in the order of the file. */
  mistakes(): readonly string[];
}

/** Opens a document for reading. */
export function createFieldReader(text: string, fileName: string): FieldDocument {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const found: { readonly line: number; readonly message: string }[] = document.errors.map((error) => ({
    line: lines.linePos(error.pos[0]).line,
    message: error.message,
  }));
  const root = contentOf(document, (message) => found.push({ line: 1, message }));

  /** A missing field has no line: the nearest one above it that exists has. */
  const lineOf = (path: Path): number => {
    for (let length = path.length; length >= 0; length -= 1) {
      const node = length === 0 ? document.contents : document.getIn(path.slice(0, length), true);
      if (isNode(node) && node.range) return lines.linePos(node.range[0]).line;
    }
    return 1;
  };
  const complain = (path: Path, message: string): void => {
    found.push({ line: lineOf(path), message: path.length === 0 ? message : `${formatPath(path)}: ${message}` });
  };
  if (document.errors.length === 0 && !isMapping(root))
    complain([], 'is empty or no mapping; write hostname: ... first');
  return {
    root: fieldAt(root, [], complain),
    mistakes: () =>
      found
        .toSorted((one, other) => one.line - other.line)
        .map(({ line, message }) => `${fileName}:${line}: ${message}`),
  };
}

/** Aliases may stand for more than memory holds: the parser then refuses to unfold them. */
function contentOf(document: Document, complain: (message: string) => void): unknown {
  if (document.errors.length > 0) return undefined;
  try {
    return document.toJS();
  } catch (error) {
    complain(error instanceof Error ? error.message : String(error));
    return undefined;
  }
}

function fieldAt(value: unknown, path: Path, complain: (path: Path, message: string) => void): FieldReader {
  const isPresent = value !== undefined && value !== null;
  const expect = (expected: string): void => {
    complain(path, isPresent ? `${show(value)} is not ${expected}` : `is missing; write ${expected}`);
  };
  const at = (key: string | number): FieldReader => {
    const child: unknown = isMapping(value) || Array.isArray(value) ? Reflect.get(value, key) : undefined;
    return fieldAt(child, [...path, key], complain);
  };
  const field: FieldReader = {
    isPresent,
    isBroken: path.length === 0 && !isMapping(value),
    at,
    only: (keys) => {
      if (isPresent && !isMapping(value)) expect(`a mapping of ${keys.join(', ')}`);
      for (const key of isMapping(value) ? Object.keys(value) : []) {
        if (!keys.includes(key)) complain([...path, key], `is not known; known here: ${keys.join(', ')}`);
      }
      return field;
    },
    text: () => {
      if (typeof value === 'string' && value !== '') return value;
      expect('a text (put numbers in quotes)');
      return '';
    },
    textOr: (fallback) => (isPresent ? field.text() : fallback),
    flagOr: (fallback) => {
      if (typeof value === 'boolean') return value;
      if (isPresent) expect('true or false');
      return fallback;
    },
    count: () => {
      if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return BigInt(value);
      expect('a whole number, 0 or above');
      return 0n;
    },
    bytes: () => {
      const amount = bytesOf(value);
      if (typeof amount === 'bigint') return amount;
      if (amount === undefined) expect('an amount such as 64Gi');
      else complain(path, amount);
      return 0n;
    },
    matching: (pattern, expected) => {
      if (typeof value === 'string' && pattern.test(value)) return value;
      expect(expected);
      return '';
    },
    choice: (choices) => {
      const chosen = choices.find((choice) => choice === value);
      if (chosen === undefined && isPresent) expect(`one of ${choices.join(', ')}`);
      return chosen;
    },
    list: (read) => {
      if (!isPresent) return [];
      if (Array.isArray(value)) return value.map((_element, index) => read(at(index)));
      expect('a list');
      return [];
    },
    uniqueList: (key, read) => {
      const seen = new Set<unknown>();
      for (const [index, element] of Array.isArray(value) ? value.entries() : []) {
        const identity: unknown = isMapping(element) ? element[key] : undefined;
        if (identity !== undefined && seen.has(identity)) {
          complain([...path, index, key], `${show(identity)} is there already; every ${key} once`);
        }
        seen.add(identity);
      }
      return field.list(read);
    },
  };
  return field;
}

function bytesOf(value: unknown): bigint | string | undefined {
  if (typeof value !== 'string' && typeof value !== 'number') return undefined;
  try {
    const amount = parseBytes(value);
    return amount >= 0n ? amount : `${show(value)} is below 0`;
  } catch (error) {
    if (!(error instanceof QuantityError)) throw error;
    return error.message;
  }
}

function isMapping(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function show(value: unknown): string {
  return (JSON.stringify(value) ?? String(value)).slice(0, 100);
}

/** `devices[0].vendorID`. */
function formatPath(path: Path): string {
  return path.reduce<string>((text, part) => {
    if (typeof part === 'number') return `${text}[${part}]`;
    return text === '' ? part : `${text}.${part}`;
  }, '');
}
