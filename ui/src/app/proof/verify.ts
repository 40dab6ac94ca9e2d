/**
 * Checks the proof that a file was made of these bytes, with nothing but the genesis: from the SHA-256 of
 * the bytes through salt and commitment, transaction, block and headers to the signatures of a quorum. Step by
 * step and without ever raising, whatever a node says; a step that follows one that failed is still answered.
 */
import { Malformed, Value, bytes, equal, fields, hex, join, list, natural, read, text, write } from './canonical';
import { digest, isUnder } from './digest';
import { Genesis } from './genesis';
import { isSigned } from './signature';

export type StepName =
  'content' | 'commitment' | 'transaction' | 'receipt' | 'block' | 'chain' | 'signatures' | 'committee' | 'nodes';

export interface Step {
  name: StepName;
  holds: boolean;
  detail: string;
}

const SIGNED_HEAD = 0x9a;
const SIGNATURE_BYTES = 66;

/** All steps, for the id of the file and the digest of the bytes that the reader has. */
export async function verifyFile(genesis: Genesis, id: string, content: Uint8Array, encoded: Uint8Array): Promise<Step[]> {
  const steps: Step[] = [];
  const step = async (name: StepName, check: () => Promise<[boolean, string]>): Promise<void> => {
    try {
      const [holds, detail] = await check();
      steps.push({ name, holds, detail });
    } catch (error) {
      if (!(error instanceof Malformed)) throw error;
      steps.push({ name, holds: false, detail: `what the node sent cannot be read: ${error.message}` });
    }
  };
  const whole = (): Value[] => fields(read(encoded), 2);
  const attachment = (): Value[] => fields(whole()[0], 2);
  const proof = (): Value[] => fields(whole()[1], 6);
  const transaction = (): Value[] => fields(read(bytes(proof()[0])), 11);
  const checkpoint = (): Value[] => fields(proof()[5], 2);
  const statement = (): Value[] => fields(checkpoint()[0], 5);

  await step('content', async () => [equal(bytes(attachment()[1]), content), `SHA-256 ${hex(content)}`]);
  await step('commitment', async () => {
    const [salt, kept] = attachment();
    const commitment = await digest('attachment', join(bytes(salt, 32), bytes(kept)));
    // Anybody may put 32 bytes on the ledger: only the transaction that makes this file says which are its digest.
    const [, , , , , contract, call, made, stated] = transaction();
    const created = contract === 'files' && call === 'create' ? fields(read(bytes(made)), 8) : null;
    const named = created && hex(bytes(created[0])) === id ? list(stated)[natural(created[3])] : null;
    const holds = !!named && equal(bytes(fields(named, 2)[0], 32), commitment);
    return [holds, `salt and SHA-256 give ${hex(commitment)}`];
  });
  await step('transaction', async () => {
    const raw = bytes(proof()[0]);
    const found = transaction();
    const identity = await identityOf(raw);
    const [curve, key] = fields(found[2], 2);
    const isOurs = equal(bytes(found[1], 32), genesis.chain);
    const holds = isOurs && (await isSigned(natural(curve), bytes(key), identity, bytes(found[10], 64)));
    return [holds, `${hex(identity)}, ${text(found[5])}.${text(found[6])}`];
  });
  await step('receipt', async () => {
    const receipt = fields(read(bytes(proof()[1])), 6);
    const holds = equal(bytes(receipt[0], 32), await identityOf(bytes(proof()[0]))) && receipt[1] === 'executed';
    return [holds, [text(receipt[1]), text(receipt[2])].join(' ').trim()];
  });
  await step('block', async () => {
    const [raw, receipt, path, receiptPath, headers] = proof();
    const header = fields(list(headers)[0], 11);
    const holds =
      (await isUnder('transactions', bytes(header[7], 32), bytes(raw), path)) &&
      (await isUnder('receipts', bytes(header[8], 32), bytes(receipt), receiptPath)) &&
      fields(path, 3)[0] === fields(receiptPath, 3)[0];
    return [holds, `height ${natural(header[2])}, ${hex(await digest('header', write(header)))}`];
  });
  await step('chain', async () => {
    const headers = list(proof()[4]).map((one) => fields(one, 11));
    const hashes = await Promise.all(headers.map((one) => digest('header', write(one))));
    const isLinked = headers.slice(1).every(
      (header, place) =>
        equal(bytes(header[3], 32), hashes[place]!) && natural(header[2]) === natural(headers[place]![2]) + 1,
    );
    const last = headers.at(-1);
    if (!last) return [false, 'no headers'];
    const isVouched = equal(hashes.at(-1)!, bytes(statement()[3], 32)) && last[2] === statement()[2];
    return [isLinked && isVouched, `headers ${headers[0]![2]} to ${last[2]}`];
  });
  await step('signatures', async () => {
    const message = await digest('checkpoint', write(statement()));
    const signatures = list(checkpoint()[1]).map((one) => fields(one, 2));
    let weight = 0;
    let before = -1;
    let areSigned = true;
    const names: string[] = [];
    for (const [place, signature] of signatures) {
      const number = natural(place);
      const member = genesis.members[number];
      areSigned &&= number > before && !!member && (await isSigned(1, member.key, message, bytes(signature, 64)));
      if (!areSigned || !member) break;
      before = number;
      weight += member.weight;
      names.push(member.name);
    }
    return [areSigned && weight >= genesis.quorum, `${names.join(', ')}: weight ${weight}, the quorum is ${genesis.quorum}`];
  });
  await step('committee', async () => {
    const isOurs = equal(bytes(statement()[0], 32), genesis.chain) && natural(statement()[1]) === 0;
    return [isOurs, `chain ${hex(genesis.chain)}, epoch ${natural(statement()[1])}`];
  });
  return steps;
}

/** Digest of all but the signature: the array's head says one field less. */
function identityOf(raw: Uint8Array): Promise<Uint8Array<ArrayBuffer>> {
  return digest('transaction', join(Uint8Array.of(SIGNED_HEAD), raw.slice(1, -SIGNATURE_BYTES)));
}
