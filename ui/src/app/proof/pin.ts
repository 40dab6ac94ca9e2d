import { Injectable, inject } from '@angular/core';

import { Access } from '../node/access';
import { Nodes } from '../node/nodes';

const PINNED = 'weft.genesis';

interface Shown {
  chain_id: string;
  encoded: string;
}

export interface Pinned {
  /** The genesis in canonical bytes, in base64. */
  encoded: string;
  /** When this browser saw it first. */
  since: number;
}

/** The genesis that this browser saw first: all proofs are checked against it, whatever nodes say later. */
@Injectable({ providedIn: 'root' })
export class Pin {
  private readonly nodes = inject(Nodes);
  private readonly access = inject(Access);

  /** What is pinned; pins what the node says if nothing is. Raises Problem. */
  async get(): Promise<Pinned> {
    const kept = localStorage.getItem(PINNED);
    if (kept) return JSON.parse(kept) as Pinned;
    const { encoded } = await this.nodes.json<Shown>('/v1/genesis');
    const pinned = { encoded, since: Date.now() };
    localStorage.setItem(PINNED, JSON.stringify(pinned));
    return pinned;
  }

  /** Begin anew: the next genesis that a node says is pinned. */
  forget(): void {
    localStorage.removeItem(PINNED);
  }

  /** Which nodes say the same, which another thing, of those that answer. */
  async compare(): Promise<{ same: string[]; other: string[] }> {
    const { encoded } = await this.get();
    const found: { same: string[]; other: string[] } = { same: [], other: [] };
    const ask = async (base: string, name: string): Promise<void> => {
      const answer = await fetch(`${base}/v1/genesis`, { headers: this.access.headers() }).catch(() => null);
      if (!answer?.ok) return;
      const shown = (await answer.json()) as Shown;
      (shown.encoded === encoded ? found.same : found.other).push(name);
    };
    await Promise.all(this.nodes.all().map((node) => ask(node.base, node.name)));
    return { same: found.same.sort(), other: found.other.sort() };
  }
}
