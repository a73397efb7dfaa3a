import { expect, test } from 'vitest';
import { integer } from '../../dev/control-plane/der.ts';

test.each([
  { bytes: [2], encoded: '020102' },
  { bytes: [0x7f, 1], encoded: '02027f01' },
  // A leading 1 bit would make it negative.
  { bytes: [0x80], encoded: '02020080' },
  { bytes: [0], encoded: '020100' },
  // One random serial number in 512 begins like this, and Go calls the longer form malformed.
  { bytes: [0, 1], encoded: '020101' },
  { bytes: [0, 0, 0x80], encoded: '02020080' },
])('The integer $bytes is encoded in the shortest form, $encoded .', ({ bytes, encoded }) => {
  expect(integer(Buffer.from(bytes)).toString('hex')).toBe(encoded);
});
