const ED25519 = 1;
const SECP256K1 = 2;

/** Whether `signature` is that of a key over a 32-byte message: Ed25519 (RFC 8032), or secp256k1 in low-s form. */
export async function isSigned(
  curve: number,
  key: Uint8Array<ArrayBuffer>,
  message: Uint8Array<ArrayBuffer>,
  signature: Uint8Array<ArrayBuffer>,
): Promise<boolean> {
  if (signature.length !== 64) return false;
  try {
    if (curve === ED25519 && key.length === 32) return await isSignedEd25519(key, message, signature);
    if (curve === SECP256K1 && key.length === 33) {
      const { secp256k1 } = await import('@noble/curves/secp256k1.js');
      return secp256k1.verify(signature, message, key, { prehash: false, lowS: true });
    }
  } catch {
    // A key that is no point of its curve has signed nothing.
  }
  return false;
}

async function isSignedEd25519(
  key: Uint8Array<ArrayBuffer>,
  message: Uint8Array<ArrayBuffer>,
  signature: Uint8Array<ArrayBuffer>,
): Promise<boolean> {
  const own = globalThis.crypto?.subtle;
  const imported = await own?.importKey('raw', key, { name: 'Ed25519' }, false, ['verify']).catch(() => null);
  // Browsers that do not know the curve, or do not trust the way that the page came, leave it to us.
  if (own && imported) return own.verify({ name: 'Ed25519' }, imported, signature, message);
  const { ed25519 } = await import('@noble/curves/ed25519.js');
  return ed25519.verify(signature, message, key, { zip215: false });
}
