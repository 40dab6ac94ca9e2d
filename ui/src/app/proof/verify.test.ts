import { beforeAll, describe, expect, test } from 'vitest';

import captured from '../../../../tests/vectors/captured_proof.json';
import { Value, bytes, fields, fromBase64, hex, list, read, write } from './canonical';
import { Genesis, readGenesis } from './genesis';
import { isSigned } from './signature';
import { StepName, verifyFile } from './verify';

const PROOF = fromBase64(captured.proof);
const CONTENT = Uint8Array.from(captured.sha256.match(/../g)!, (pair) => parseInt(pair, 16));
const ALL: StepName[] = ['content', 'commitment', 'transaction', 'receipt', 'block', 'chain', 'signatures', 'committee'];

describe('the proof of a file, captured from a node', () => {
  let genesis: Genesis;
  beforeAll(async () => {
    genesis = await readGenesis(fromBase64(captured.genesis));
  });

  /** Names of the steps that do not hold. */
  const failing = async (encoded: Uint8Array, content = CONTENT, of = genesis, id = captured.id): Promise<StepName[]> =>
    (await verifyFile(of, id, content, encoded)).filter((step) => !step.holds).map((step) => step.name);

  /** The proof with one part replaced. */
  const altered = (change: (whole: Value[]) => void): Uint8Array => {
    const whole = list(read(PROOF));
    change(whole);
    return write(whole);
  };
  const proofOf = (whole: Value[]): Value[] => list(whole[1]);
  const flip = (data: Value | undefined, place: number): Uint8Array => {
    const copy = bytes(data);
    copy[place]! ^= 1;
    return copy;
  };

  test('holds from the bytes to the committee, step by step', async () => {
    expect(hex(genesis.chain)).toBe(captured.chain);
    expect((await verifyFile(genesis, captured.id, CONTENT, PROOF)).map((step) => step.name)).toEqual(ALL);
    expect(await failing(PROOF)).toEqual([]);
  });

  test('fails at the bytes when they are others', async () => {
    expect(await failing(PROOF, Uint8Array.from(flip(CONTENT, 0)))).toEqual(['content']);
  });

  test('fails at the commitment when the salt is another', async () => {
    const forged = altered((whole) => (list(whole[0])[0] = flip(list(whole[0])[0], 3)));
    expect(await failing(forged)).toEqual(['commitment']);
  });

  test('fails at the commitment when it is of another file, or of something else than its digest', async () => {
    expect(await failing(PROOF, CONTENT, genesis, '00'.repeat(16))).toEqual(['commitment']);
    const named = altered((whole) => {
      const made = list(read(bytes(proofOf(whole)[0])));
      const created = list(read(bytes(made[7])));
      created[3] = created[4]!;
      made[7] = write(created);
      proofOf(whole)[0] = write(made);
    });
    expect(await failing(named)).toContain('commitment');
    const recorded = altered((whole) => {
      const made = list(read(bytes(proofOf(whole)[0])));
      made[5] = 'records';
      proofOf(whole)[0] = write(made);
    });
    expect(await failing(recorded)).toContain('commitment');
  });

  test('fails at the transaction when its signature is another, and at the block that it is not in', async () => {
    const forged = altered((whole) => (proofOf(whole)[0] = flip(proofOf(whole)[0], bytes(proofOf(whole)[0]).length - 1)));
    expect(await failing(forged)).toEqual(['transaction', 'block']);
  });

  test('fails at the receipt when it is of another', async () => {
    const forged = altered((whole) => {
      const receipt = list(read(bytes(proofOf(whole)[1])));
      receipt[0] = flip(receipt[0], 0);
      proofOf(whole)[1] = write(receipt);
    });
    expect(await failing(forged)).toEqual(['receipt', 'block']);
  });

  test('fails at the chain when a header is another', async () => {
    const forged = altered((whole) => {
      const header = list(list(proofOf(whole)[4]).at(-1));
      header[5] = flip(header[5], 0);
    });
    expect(await failing(forged)).toContain('chain');
  });

  test('fails at the signatures when one is forged, stands twice, or too few are there', async () => {
    const signaturesOf = (whole: Value[]): Value[] => list(list(proofOf(whole)[5])[1]);
    const forged = altered((whole) => (list(signaturesOf(whole)[0])[1] = flip(list(signaturesOf(whole)[0])[1], 9)));
    const twice = altered((whole) => (list(proofOf(whole)[5])[1] = [signaturesOf(whole)[0]!, ...signaturesOf(whole).slice(0, -1)]));
    const few = altered((whole) => (list(proofOf(whole)[5])[1] = signaturesOf(whole).slice(0, 1)));
    for (const one of [forged, twice, few]) expect(await failing(one)).toEqual(['signatures']);
  });

  test('fails against the genesis of another network', async () => {
    const other = list(read(fromBase64(captured.genesis)));
    other[1] = 'another';
    const failed = await failing(PROOF, CONTENT, await readGenesis(write(other)));
    expect(failed).toEqual(['transaction', 'committee']);
  });

  test('fails at every step, and never raises, when it is garbage or cut short', async () => {
    for (const end of [0, 1, 100, PROOF.length - 1]) expect(await failing(PROOF.slice(0, end))).toEqual(ALL);
    const odd = altered((whole) => (whole[1] = fields(whole[1], 6).map(() => null)));
    expect(await failing(odd)).toContain('signatures');
  });

  test('is read strictly: a second spelling of the same value is refused', () => {
    expect(read(Uint8Array.of(0x92, 1, 2))).toEqual([1, 2]);
    expect(() => read(Uint8Array.of(0x92, 0xcc, 1, 2))).toThrow();
    expect(() => read(Uint8Array.of(0x81, 1, 2))).toThrow();
    expect(() => read(Uint8Array.of(0xca, 0x3f, 0x80, 0, 0))).toThrow();
  });

  test('holds the same where the browser knows neither the hash nor the curve', async () => {
    const own = Object.getOwnPropertyDescriptor(globalThis, 'crypto')!;
    Object.defineProperty(globalThis, 'crypto', { value: {}, configurable: true });
    try {
      expect(await failing(PROOF)).toEqual([]);
    } finally {
      Object.defineProperty(globalThis, 'crypto', own);
    }
  });
});

describe('signatures', () => {
  test('of the other curve are checked, in low-s form alone', async () => {
    const { secp256k1 } = await import('@noble/curves/secp256k1.js');
    const secret = new Uint8Array(32).fill(7);
    const message = new Uint8Array(32).fill(9);
    const key = new Uint8Array(secp256k1.getPublicKey(secret));
    const signature = new Uint8Array(secp256k1.sign(message, secret, { prehash: false, lowS: true }));
    expect(await isSigned(2, key, message, signature)).toBe(true);
    const n = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;
    const s = n - BigInt(`0x${hex(signature.slice(32))}`);
    const high = Uint8Array.from([
      ...signature.slice(0, 32),
      ...s.toString(16).padStart(64, '0').match(/../g)!.map((pair) => parseInt(pair, 16)),
    ]);
    expect(await isSigned(2, key, message, high)).toBe(false);
    expect(await isSigned(3, key, message, signature)).toBe(false);
    expect(await isSigned(1, key.slice(1), message, signature)).toBe(false);
  });
});
