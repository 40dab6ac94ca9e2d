import { Injectable, effect, inject, signal, untracked } from '@angular/core';

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
  private readonly listeners = new Set<(event: LedgerEvent) => void>();
  private cursor: string | null = null;
  private stream: EventSource | null = null;
  readonly isOpen = signal(false);

  constructor() {
    effect(() => {
      const base = this.nodes.base();
      untracked(() => this.open(base));
    });
  }

  /** Hear every event from now on; the answer ends it. */
  listen(hear: (event: LedgerEvent) => void): () => void {
    this.listeners.add(hear);
    return () => this.listeners.delete(hear);
  }

  private open(base: string): void {
    this.stream?.close();
    const from = this.cursor === null ? '' : `?cursor=${this.cursor}`;
    const stream = new EventSource(`${base}/v1/events${from}`);
    this.stream = stream;
    const hear = (message: MessageEvent<string>): void => {
      const event = JSON.parse(message.data) as LedgerEvent;
      this.cursor = event.cursor;
      for (const listener of this.listeners) listener(event);
    };
    for (const type of ['block', 'file.created', 'file.updated', 'file.erased']) {
      stream.addEventListener(type, hear);
    }
    stream.onopen = () => this.isOpen.set(true);
    stream.onerror = () => {
      this.isOpen.set(false);
      // The browser tries again by itself, except when it was refused.
      if (stream.readyState === EventSource.CLOSED) {
        setTimeout(() => this.stream === stream && this.open(this.nodes.base()), AGAIN_MS);
      }
    };
  }
}
