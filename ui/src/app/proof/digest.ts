import { equal, join } from './canonical';
import { Value, bytes, fields, list, natural } from './canonical';

const WIDTH = 16;
const ASCII = new TextEncoder();
const PIECEWISE_BYTES = 32 << 20;

/** SHA-256 (FIPS 180-4): the browser's own where the page came over a way that it trusts. */
export async function sha256(data: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
  if (globalThis.crypto?.subtle) return new Uint8Array(await crypto.subtle.digest('SHA-256', data));
  const { sha256: hash } = await import('@noble/hashes/sha2.js');
  return new Uint8Array(hash(data));
}

/** The digest of an answer's body, which may be larger than memory. */
export async function sha256Of(answer: Response): Promise<Uint8Array> {
  const length = Number(answer.headers.get('content-length') ?? Infinity);
  if (length <= PIECEWISE_BYTES || !answer.body) return sha256(new Uint8Array(await answer.arrayBuffer()));
  const { sha256: hash } = await import('@noble/hashes/sha2.js');
  const state = hash.create();
  const reader = answer.body.getReader();
  for (let piece = await reader.read(); !piece.done; piece = await reader.read()) state.update(piece.value);
  return state.digest();
}

/** The digest of a file, which may be larger than memory too. */
export async function sha256OfFile(file: Blob): Promise<Uint8Array> {
  return file.size <= PIECEWISE_BYTES ? sha256(new Uint8Array(await file.arrayBuffer())) : sha256Of(new Response(file));
}

/** A digest that can stand for nothing of another kind. */
export function digest(domain: string, data: Uint8Array): Promise<Uint8Array<ArrayBuffer>> {
  return sha256(join(ASCII.encode(`weft:${domain}\0`), data));
}

/** Whether a path (index, count, siblings level by level) leads from an item to a root, sixteen children wide. */
export async function isUnder(domain: string, root: Uint8Array, item: Uint8Array, path: Value | undefined): Promise<boolean> {
  const [index, count, levels] = fields(path, 3);
  let place = natural(index);
  let width = natural(count);
  if (place >= width) return false;
  let node = await sha256(join(Uint8Array.of(0), item));
  for (const level of list(levels)) {
    const siblings = list(level).map((one) => bytes(one, 32));
    const inside = place % WIDTH;
    if (width <= 1 || siblings.length !== Math.min(WIDTH, width - place + inside) - 1) return false;
    node = await sha256(join(Uint8Array.of(1), ...siblings.slice(0, inside), node, ...siblings.slice(inside)));
    place = Math.floor(place / WIDTH);
    width = Math.ceil(width / WIDTH);
  }
  const number = new DataView(new ArrayBuffer(8));
  number.setBigUint64(0, BigInt(natural(count)));
  return width === 1 && equal(await digest(domain, join(new Uint8Array(number.buffer), node)), root);
}
