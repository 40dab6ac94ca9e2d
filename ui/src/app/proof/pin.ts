import { Injectable, inject, signal } from '@angular/core';

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

/** What nodes say of the genesis that is pinned, by their names. */
interface Said {
  same: string[];
  other: string[];
  silent: string[];
}

/** The genesis that this browser saw first: all proofs are checked against it, whatever nodes say later. */
@Injectable({ providedIn: 'root' })
export class Pin {
  private readonly nodes = inject(Nodes);
  private readonly access = inject(Access);

  /** Since when another network than the one that is shown was known here; null while it is the same. */
  readonly foreign = signal<number | null>(null);

  /** See whether the network that is shown is the one that is pinned; the first one is. */
  async look(): Promise<void> {
    const { encoded } = await this.show();
    const pinned = this.find() ?? this.keep(encoded);
    this.foreign.set(pinned.encoded === encoded ? null : pinned.since);
  }

  /** What is pinned; pins what the node says if nothing is. Raises Problem. */
  async get(): Promise<Pinned> {
    return this.find() ?? this.keep((await this.show()).encoded);
  }

  /** Begin anew: what a node says now is pinned. Raises Problem. */
  async forget(): Promise<void> {
    localStorage.removeItem(PINNED);
    await this.look();
  }

  /** Which nodes say the same, which another thing, and which nothing: they are down, or do not know the reader. */
  async compare(): Promise<Said> {
    const { encoded } = await this.get();
    const said: Said = { same: [], other: [], silent: [] };
    const ask = async (base: string, name: string): Promise<void> => {
      const answer = await fetch(`${base}/v1/genesis`, { headers: this.access.headers(base) }).catch(() => null);
      const shown = answer?.ok ? ((await answer.json()) as Shown) : null;
      (!shown ? said.silent : shown.encoded === encoded ? said.same : said.other).push(name);
    };
    await Promise.all(this.nodes.all().map((node) => ask(node.base, node.name)));
    for (const names of Object.values(said) as string[][]) names.sort();
    return said;
  }

  private show(): Promise<Shown> {
    return this.nodes.json<Shown>('/v1/genesis');
  }

  private find(): Pinned | null {
    return JSON.parse(localStorage.getItem(PINNED) ?? 'null') as Pinned | null;
  }

  private keep(encoded: string): Pinned {
    const pinned = { encoded, since: Date.now() };
    localStorage.setItem(PINNED, JSON.stringify(pinned));
    return pinned;
  }
}
