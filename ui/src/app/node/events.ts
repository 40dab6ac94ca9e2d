import { Injectable, effect, inject, untracked } from '@angular/core';

import { Access } from './access';
import { Nodes } from './nodes';

/** A numbered row of the ledger, as `GET /v1/events` tells it. */
export interface LedgerEvent {
  cursor: string;
  height: number;
  position: number;
  transaction: string | null;
  contract: string | null;
  type: string;
  data: Record<string, string | number | boolean | null>;
}

const AGAIN_MS = 1000;

/** The ledger as it grows. One stream for the whole page; it goes on where it was, at another node if need be. */
@Injectable({ providedIn: 'root' })
export class Events {
  private readonly nodes = inject(Nodes);
  private readonly access = inject(Access);
  private readonly listeners = new Set<(event: LedgerEvent) => void>();
  private cursor: string | null = null;

  constructor() {
    effect((onCleanup) => {
      const base = this.nodes.base();
      const headers = this.access.headers(base);
      const ending = new AbortController();
      onCleanup(() => ending.abort());
      untracked(() => void this.follow(base, headers, ending.signal));
    });
  }

  /** Hear every event from now on; the answer ends it. */
  listen(hear: (event: LedgerEvent) => void): () => void {
    this.listeners.add(hear);
    return () => this.listeners.delete(hear);
  }

  /** Until told to end. The browser's own reader of events can't say who asks. */
  private async follow(base: string, headers: Record<string, string>, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      // A stream that breaks is begun again; when its node is gone, the page goes on through another.
      await this.read(base, headers, signal).catch(() => undefined);
      await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
    }
  }

  private async read(base: string, headers: Record<string, string>, signal: AbortSignal): Promise<void> {
    const from = this.cursor === null ? '' : `?cursor=${this.cursor}`;
    const answer = await fetch(`${base}/v1/events${from}`, { headers, signal });
    if (answer.status === 401) this.access.refuse(base, headers);
    if (!answer.ok || !answer.body) return;
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    let text = '';
    for (let piece = await reader.read(); !piece.done; piece = await reader.read()) {
      const parts = (text + piece.value).split('\n\n');
      text = parts.pop()!;
      for (const part of parts) this.hear(part);
    }
  }

  private hear(part: string): void {
    const data = part.split('\n').find((line) => line.startsWith('data: '));
    const event = data && (JSON.parse(data.slice(6)) as LedgerEvent);
    if (!event || !event.cursor) return;
    this.cursor = event.cursor;
    for (const listener of this.listeners) listener(event);
  }
}
