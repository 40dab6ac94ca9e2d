import { bytes, fields, hex, list, natural, read, text } from './canonical';
import { digest } from './digest';

export interface Member {
  name: string;
  key: Uint8Array<ArrayBuffer>;
  weight: number;
}

/** What a chain starts from, as far as proofs need it. */
export interface Genesis {
  chain: Uint8Array;
  members: Member[];
  quorum: number;
}

const FIELDS = 8;

/** The genesis in its canonical bytes; raises Malformed. */
export async function readGenesis(encoded: Uint8Array): Promise<Genesis> {
  const found = fields(read(encoded), FIELDS);
  const members = list(found[4]).map((one) => {
    const [name, key, weight] = fields(one, 3);
    return { name: text(name), key: bytes(key, 32), weight: natural(weight) };
  });
  const total = members.reduce((sum, member) => sum + member.weight, 0);
  const faulty = text(found[3]) === 'byzantine' ? Math.floor((total - 1) / 3) : 0;
  const quorum = Math.floor((total + faulty) / 2) + 1;
  return { chain: await digest('genesis', encoded), members, quorum };
}

export function chainText(genesis: Genesis): string {
  return hex(genesis.chain);
}
