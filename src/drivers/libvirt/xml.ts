/** XML as a plain tree. Parsing is total: text that is no XML gives a fault, never an exception of the parser's. */
import { XMLParser } from 'fast-xml-parser';

/** An element. `prefix` is empty without one; `text` is the text directly inside, trimmed. */
export interface XmlElement {
  readonly prefix: string;
  readonly name: string;
  readonly attributes: ReadonlyMap<string, string>;
  readonly children: readonly XmlElement[];
  readonly text: string;
}

/** Text that cannot be read as XML. */
export class XmlError extends Error {
  override readonly name = 'XmlError';
}

/** What libvirt sends at most in one text. A host with thousands of CPUs has about a megabyte of capabilities. */
const MAX_CHARACTERS = 4 * 1024 * 1024;
/** Elements cost time, 5 microseconds each, in which nothing else is done. Each has one or two; thousands of CPUs have tens of thousands. */
const MAX_TAGS = 200_000;
const ATTRIBUTES = ':@';
const TEXT = '#text';

const parser = new XMLParser({
  preserveOrder: true,
  ignoreAttributes: false,
  attributeNamePrefix: '',
  parseTagValue: false,
  parseAttributeValue: false,
  ignoreDeclaration: true,
  ignorePiTags: true,
  htmlEntities: true,
});

/**
 * The root element.
 *
 * @throws XmlError when it is no well-formed XML, or has a document type (libvirt writes none, and entities are a way to exhaust memory).
 */
export function parseXml(text: string): XmlElement {
  if (text.length > MAX_CHARACTERS) throw new XmlError(`more than ${MAX_CHARACTERS} characters`);
  if (countOf(text, '<') > MAX_TAGS) throw new XmlError(`more than ${MAX_TAGS} tags`);
  if (text.includes('<!DOCTYPE')) throw new XmlError('has a document type');
  const root = elements(parse(text)).at(0);
  if (root === undefined) throw new XmlError('no element');
  // The parser is lenient: what was cut off would quietly be an instance with fewer devices.
  const tag = root.prefix === '' ? root.name : `${root.prefix}:${root.name}`;
  const end = root.children.length === 0 && root.text === '' ? '/>' : `</${tag}>`;
  if (!text.trimEnd().endsWith(end) && !text.trimEnd().endsWith(`</${tag}>`)) throw new XmlError('ends in the middle');
  return root;
}

/** The first child of that name (without prefix), if there is one. */
export function child(element: XmlElement | undefined, name: string): XmlElement | undefined {
  return element?.children.find((candidate) => candidate.name === name);
}

/** All children of that name (without prefix). */
export function childrenOf(element: XmlElement | undefined, name: string): readonly XmlElement[] {
  return element?.children.filter((candidate) => candidate.name === name) ?? [];
}

/** The element at the end of the path of names, taking the first at each step. */
export function descend(element: XmlElement | undefined, ...path: readonly string[]): XmlElement | undefined {
  return path.reduce<XmlElement | undefined>((current, name) => child(current, name), element);
}

/** The text of the element at the end of the path; undefined where it is missing or empty. */
export function textAt(element: XmlElement | undefined, ...path: readonly string[]): string | undefined {
  const text = descend(element, ...path)?.text;
  return text === '' ? undefined : text;
}

/** A whole number in decimal or, with 0x, hexadecimal notation, as libvirt writes both. */
export function wholeNumber(text: string | undefined): number | undefined {
  if (text === undefined || !/^(0[xX][0-9a-fA-F]{1,12}|[0-9]{1,15})$/.test(text.trim())) return undefined;
  return Number(text.trim());
}

function countOf(text: string, character: string): number {
  let count = 0;
  for (let at = text.indexOf(character); at >= 0; at = text.indexOf(character, at + 1)) count += 1;
  return count;
}

function parse(text: string): unknown {
  try {
    return parser.parse(text);
  } catch (cause) {
    throw new XmlError(cause instanceof Error ? cause.message : String(cause), { cause });
  }
}

/** The parser's ordered form is a list of `{ <tag>: [...], ':@': { <attribute>: <value> } }`. */
function elements(list: unknown): readonly XmlElement[] {
  if (!Array.isArray(list)) return [];
  return list.flatMap((entry: unknown) => {
    if (!isRecord(entry)) return [];
    const tag = Object.keys(entry).find((key) => key !== ATTRIBUTES);
    return tag === undefined || tag === TEXT ? [] : [toElement(tag, entry[tag], entry[ATTRIBUTES])];
  });
}

function toElement(tag: string, content: unknown, attributes: unknown): XmlElement {
  const colon = tag.indexOf(':');
  return {
    prefix: colon < 0 ? '' : tag.slice(0, colon),
    name: tag.slice(colon + 1),
    attributes: new Map(
      Object.entries(isRecord(attributes) ? attributes : {}).map(([name, value]) => [name, String(value)]),
    ),
    children: elements(content),
    text: textOf(content),
  };
}

function textOf(content: unknown): string {
  if (!Array.isArray(content)) return '';
  return content
    .map((entry: unknown) => (isRecord(entry) && TEXT in entry ? String(entry[TEXT]) : ''))
    .join('')
    .trim();
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
