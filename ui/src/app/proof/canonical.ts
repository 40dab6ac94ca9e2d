import { decode, encode } from '@msgpack/msgpack';

/** What canonical bytes hold: no maps, no floats, no extension types. */
export type Value = string | number | boolean | null | Uint8Array | Value[];

/** Bytes that are not the one encoding of what they should be. */
export class Malformed extends Error {}

/** The value that bytes encode; raises Malformed unless they are its one encoding. */
export function read(bytes: Uint8Array): Value {
  let value: unknown;
  try {
    value = decode(bytes);
  } catch (error) {
    throw new Malformed(error instanceof Error ? error.message : String(error));
  }
  // Numbers that a browser cannot hold, maps and second spellings all fail here.
  if (!isValue(value) || !equal(write(value), bytes)) throw new Malformed('not the one encoding of a value');
  return value;
}

export function write(value: Value): Uint8Array<ArrayBuffer> {
  return new Uint8Array(encode(value));
}

/** The fields of a record, exactly so many. */
export function fields(value: Value | undefined, count: number): Value[] {
  const found = list(value);
  if (found.length !== count) throw new Malformed(`${found.length} fields, not ${count}`);
  return found;
}

export function list(value: Value | undefined): Value[] {
  if (!Array.isArray(value)) throw new Malformed('not a list');
  return value;
}

/** Bytes, of a length if one is given. */
export function bytes(value: Value | undefined, length?: number): Uint8Array<ArrayBuffer> {
  if (!(value instanceof Uint8Array) || (length !== undefined && value.length !== length)) {
    throw new Malformed(`not ${length ?? ''} bytes`);
  }
  return new Uint8Array(value);
}

/** A whole number from 0 on. */
export function natural(value: Value | undefined): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0) throw new Malformed('not a number');
  return value;
}

export function text(value: Value | undefined): string {
  if (typeof value !== 'string') throw new Malformed('not a text');
  return value;
}

export function equal(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && one.every((byte, place) => byte === other[place]);
}

export function join(...parts: Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

export function hex(data: Uint8Array): string {
  return Array.from(data, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

export function fromBase64(encoded: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(encoded), (letter) => letter.charCodeAt(0));
}

function isValue(value: unknown): value is Value {
  if (Array.isArray(value)) return value.every(isValue);
  return (
    value === null ||
    typeof value === 'string' ||
    typeof value === 'boolean' ||
    value instanceof Uint8Array ||
    (typeof value === 'number' && Number.isSafeInteger(value))
  );
}
