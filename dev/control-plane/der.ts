// The few pieces of ASN.1's distinguished encoding (ITU-T X.690) that a certificate is made of. Node makes keys and signatures
// but no certificates; openssl is not on every machine, and the packages that do it weigh more than this file.

const tags = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  objectIdentifier: 0x06,
  utf8String: 0x0c,
  utcTime: 0x17,
  sequence: 0x30,
  set: 0x31,
} as const;

const contextSpecific = 0x80;
const constructed = 0x20;

/** Values in a fixed order. */
export function sequence(...values: Buffer[]): Buffer {
  return encode(tags.sequence, Buffer.concat(values));
}

/** A set of one value, which is all that a name needs. */
export function setOf(value: Buffer): Buffer {
  return encode(tags.set, value);
}

/** A non-negative integer of any length, big-endian. DER wants the shortest form: one zero byte in front where the sign needs it, else none. */
export function integer(bytes: Buffer): Buffer {
  const start = bytes.findIndex((byte) => byte !== 0);
  const shortest = start === -1 ? Buffer.of(0) : bytes.subarray(start);
  return encode(tags.integer, (shortest[0] ?? 0) < 0x80 ? shortest : Buffer.concat([Buffer.of(0), shortest]));
}

export function booleanTrue(): Buffer {
  return encode(tags.boolean, Buffer.of(0xff));
}

export function utf8String(text: string): Buffer {
  return encode(tags.utf8String, Buffer.from(text, 'utf8'));
}

export function octetString(bytes: Buffer): Buffer {
  return encode(tags.octetString, bytes);
}

/** Bits from the most significant one on; the last `unusedBits` of the last byte do not count. */
export function bitString(bytes: Buffer, unusedBits = 0): Buffer {
  return encode(tags.bitString, Buffer.concat([Buffer.of(unusedBits), bytes]));
}

/** A time to the second. Its two-digit year ends in 2049, which RFC 5280 says too. */
export function utcTime(date: Date): Buffer {
  const digits = date
    .toISOString()
    .replace(/\.\d+Z$/, '')
    .replace(/\D/g, '');
  return encode(tags.utcTime, Buffer.from(`${digits.slice(2)}Z`, 'ascii'));
}

/** An object identifier in dotted form: the first two numbers share a byte, the others are written in base 128. */
export function objectIdentifier(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number);
  return encode(tags.objectIdentifier, Buffer.from([first * 40 + second, ...rest.flatMap(base128)]));
}

/** A value wrapped in context tag `number`. */
export function explicit(number: number, value: Buffer): Buffer {
  return encode(contextSpecific | constructed | number, value);
}

/** Plain bytes that context tag `number` gives their type. */
export function implicit(number: number, bytes: Buffer): Buffer {
  return encode(contextSpecific | number, bytes);
}

function encode(tag: number, content: Buffer): Buffer {
  return Buffer.concat([Buffer.of(tag), encodeLength(content.length), content]);
}

function encodeLength(length: number): Buffer {
  if (length < 0x80) return Buffer.of(length);
  const bytes: number[] = [];
  for (let rest = length; rest > 0; rest >>= 8) bytes.unshift(rest & 0xff);
  return Buffer.of(0x80 | bytes.length, ...bytes);
}

function base128(value: number): number[] {
  const bytes = [value & 0x7f];
  for (let rest = value >> 7; rest > 0; rest >>= 7) bytes.unshift(0x80 | (rest & 0x7f));
  return bytes;
}
