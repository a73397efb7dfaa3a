export type Json = null | boolean | number | string | readonly Json[] | JsonObject;
export interface JsonObject {
  readonly [key: string]: Json;
}

/** A case says too little, or in words that are not understood, to be run. Never a pass. */
export class NotRunnable extends Error {
  override readonly name = 'NotRunnable';
}

export function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The object under a key; an empty one if the key is absent or null. */
export function objectAt(parent: JsonObject, key: string): JsonObject {
  const value = parent[key] ?? {};
  if (!isObject(value)) throw new NotRunnable(`${key} is not an object`);
  return value;
}

/** The list under a key; an empty one if the key is absent or null. */
export function listAt(parent: JsonObject, key: string): readonly Json[] {
  const value = parent[key] ?? [];
  if (!Array.isArray(value)) throw new NotRunnable(`${key} is not a list`);
  return value;
}

/** The number under a key; undefined if the key is absent or null. */
export function numberAt(parent: JsonObject, key: string): number | undefined {
  const value = parent[key] ?? undefined;
  if (value !== undefined && typeof value !== 'number') throw new NotRunnable(`${key} is not a number`);
  return value;
}

export function isList(value: Json | undefined): value is readonly Json[] {
  return Array.isArray(value);
}
