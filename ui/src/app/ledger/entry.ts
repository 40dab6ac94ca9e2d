import { Problem } from '../node/problem';

/** What the ledger's routes answer. */
export interface Header {
  height: number;
  hash: string;
  parent: string;
  timestamp: string;
  epoch: number;
  round: number;
  order_hash: string;
  transaction_root: string;
  receipt_root: string;
  state_root: string;
  state_height: number;
}

export type Values = Record<string, string | number | boolean | null>;

export interface Transaction {
  id: string;
  position: number;
  signer: string;
  contract: string;
  call: string;
  expires_at: string;
  attachments: { commitment: string; size: number }[];
}

export interface Receipt {
  transaction: string;
  status: string;
  code: string;
  result: Values;
  events: { contract: string; type: string; data: Values }[];
}

export interface Checkpoint {
  height: number;
  epoch: number;
  header: string;
  state_root: string;
  signatures: { member: number; signature: string }[];
}

export interface Block extends Header {
  transactions: Transaction[];
  receipts: Receipt[];
  checkpoint: Checkpoint | null;
}

export interface BlockPage {
  items: Header[];
  next_cursor: string | null;
}

export interface Fate {
  id: string;
  status: string;
  height: number | null;
  position: number | null;
  certified: boolean;
  error: { code: string; detail: string; fix: string } | null;
}

export interface RecordVersion {
  collection: string;
  key: string;
  value: unknown;
  version: number;
  height: number;
  updated_at: string;
  author: string;
  size: number;
  deleted: boolean;
  erased_height: number | null;
  /** Why there is no document to show, where the node says no more than `null`. */
  lack?: Problem;
}

export interface Vertex {
  author: number;
  round: number;
  digest: string;
  timestamp: string;
  transactions: number;
  ordered: boolean;
  parents: [number, number][];
}

export interface Graph {
  members: { id: number; name: string }[];
  vertices: Vertex[];
}
