import { Injectable, inject } from '@angular/core';

import { FilePage } from '../file/file';
import { Nodes } from '../node/nodes';
import { Problem } from '../node/problem';
import { Block, BlockPage, Fate, Graph, RecordVersion } from './entry';

const PAGES_SEARCHED = 20;

/** The ledger: blocks, transactions, records, the graph. Every verb raises Problem. */
@Injectable({ providedIn: 'root' })
export class Blocks {
  private readonly nodes = inject(Nodes);

  page(limit: number, cursor: string | null): Promise<BlockPage> {
    const more = cursor ? `&cursor=${encodeURIComponent(cursor)}` : '';
    return this.nodes.json<BlockPage>(`/v1/blocks?limit=${limit}${more}`);
  }

  get(height: number | string): Promise<Block> {
    return this.nodes.json<Block>(`/v1/blocks/${height}`);
  }

  transaction(id: string): Promise<Fate> {
    return this.nodes.json<Fate>(`/v1/transactions/${id}`);
  }

  async record(collection: string, key: string): Promise<RecordVersion[]> {
    const path = `/v1/records/${encodeURIComponent(collection)}/${encodeURIComponent(key)}`;
    const { items } = await this.nodes.json<{ items: RecordVersion[] }>(`${path}/history`);
    return Promise.all(items.map((version) => this.explain(path, version)));
  }

  graph(rounds: number): Promise<Graph> {
    return this.nodes.json<Graph>(`/v1/dag?rounds=${rounds}`);
  }

  /** The page of whatever a text names: a height, an identity, a digest, COLLECTION/KEY. Null: nothing is named so. */
  async find(text: string): Promise<string[] | null> {
    const wanted = text.trim();
    if (/^\d{1,15}$/.test(wanted)) return this.ifThere(`/v1/blocks/${wanted}`, ['/ledger/blocks', wanted]);
    if (/^[0-9a-f]{32}$/i.test(wanted)) return ['/photo', wanted.toLowerCase()];
    if (/^[0-9a-f]{64}$/i.test(wanted)) return this.findDigest(wanted.toLowerCase());
    const slash = wanted.indexOf('/');
    if (slash < 1) return null;
    const [collection, key] = [wanted.slice(0, slash), wanted.slice(slash + 1)];
    const path = `/v1/records/${encodeURIComponent(collection)}/${encodeURIComponent(key)}/history`;
    return this.ifThere(path, ['/ledger/records', collection, key]);
  }

  /** In a history the document `null` and none look the same; by itself a version without a document says why. */
  private async explain(path: string, version: RecordVersion): Promise<RecordVersion> {
    if (version.value !== null || version.deleted || version.erased_height !== null) return version;
    try {
      await this.nodes.call(`${path}?at_height=${version.height}`);
      return version;
    } catch (error) {
      return { ...version, lack: Problem.from(error) };
    }
  }

  private async findDigest(digest: string): Promise<string[] | null> {
    const transaction = await this.ifThere(`/v1/transactions/${digest}`, ['/ledger/transactions', digest]);
    if (transaction) return transaction;
    const files = await this.nodes.json<FilePage>(`/v1/files?limit=1&sha256=${digest}`);
    if (files.items[0]) return ['/photo', files.items[0].id];
    return this.findHeader(digest);
  }

  /** A block by its hash, or by another digest in its header; among the newest, for nodes keep no index of them. */
  private async findHeader(digest: string): Promise<string[] | null> {
    let cursor: string | null = null;
    for (let page = 0; page < PAGES_SEARCHED; page++) {
      const found: BlockPage = await this.page(1000, cursor);
      const header = found.items.find((one) =>
        [one.hash, one.state_root, one.transaction_root, one.receipt_root, one.order_hash].includes(digest),
      );
      if (header) return ['/ledger/blocks', String(header.height)];
      cursor = found.next_cursor;
      if (!cursor) return null;
    }
    return null;
  }

  private async ifThere(path: string, place: string[]): Promise<string[] | null> {
    try {
      await this.nodes.call(path);
      return place;
    } catch (error) {
      if (error instanceof Problem && [400, 404].includes(error.status)) return null;
      throw error;
    }
  }
}
