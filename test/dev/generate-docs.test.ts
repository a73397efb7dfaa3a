import { expect, test } from 'vitest';
import { staleDocs } from '../../dev/generate-docs.ts';

test('The tables of docs/configuration.md, docs/metrics.md and docs/controller.md are what the code says.', () => {
  expect(staleDocs().map(({ name }) => name)).toEqual([]);
});
