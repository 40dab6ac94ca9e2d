/** A key for a write, so that sending it again, to whichever node, is the same wish. Also where pages come over HTTP. */
export function newKey(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('');
}
