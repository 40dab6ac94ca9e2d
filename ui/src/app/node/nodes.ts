import { Injectable, computed, inject, signal } from '@angular/core';

import { Access } from './access';
import { Problem } from './problem';
import { NodeStatus } from './status';

const ASK_MS = 1500;
const PATIENCE_MS = 4000;
/** Answers that another node may give better. */
const ELSEWHERE = ['node.diverged', 'server.stopping', 'node.starting'];

/** A node as this page sees it: it asks each of them by itself. */
export interface Seen {
  /** Where it is called; empty for the one that served this page. */
  base: string;
  url: string;
  name: string;
  /** `unknown` until it was asked once; `barred` if it joined after this page was told whom it may ask. */
  state: 'up' | 'down' | 'unknown' | 'barred';
  status: NodeStatus | null;
  lastSeen: number | null;
}

/** All nodes of the network, and the one that the page goes through; another takes over when that one dies. */
@Injectable({ providedIn: 'root' })
export class Nodes {
  private readonly access = inject(Access);
  private readonly home: Seen = { ...unseen(location.origin), base: '' };
  readonly all = signal<Seen[]>([this.home]);
  private readonly asked = new Set<string>();
  private readonly barred = new Set<string>();
  readonly base = signal('');
  /** The node that the page went through before it died. */
  private readonly lost = signal<Seen | null>(null);
  /** What happened to it, until it is back or the reader has read it. */
  readonly notice = computed(() => {
    const lost = this.lost();
    return lost && `${lost.name} does not answer. The page goes on through ${this.current().name}.`;
  });

  readonly current = computed(() => this.all().find((node) => node.base === this.base()) ?? this.home);
  readonly height = computed(() => Math.max(0, ...this.all().map((node) => node.status?.latest_height ?? 0)));
  /** Whether the node that the page goes through wants to know who asks. */
  readonly isShutOut = computed(() => this.access.refusedBy() === this.base());
  readonly isAnyUp = computed(() => this.all().some((node) => node.state === 'up' || node.state === 'unknown'));

  constructor() {
    document.addEventListener('securitypolicyviolation', ({ blockedURI }) => {
      if (URL.canParse(blockedURI)) this.barred.add(new URL(blockedURI).origin);
    });
    void this.watch();
  }

  /** The reader knows. */
  dismiss(): void {
    this.lost.set(null);
  }

  /** Where a path of the current node is. Read in a template, it follows the current node. */
  link(path: string): string {
    return this.base() + path;
  }

  /** An answer of success; raises Problem. Goes on through another node when one does not answer. */
  async call(path: string, init: RequestInit = {}): Promise<Response> {
    for (let tries = this.all().length; tries > 0; tries--) {
      const base = this.base();
      const headers = this.access.headers(base);
      let answer: Response;
      try {
        answer = await fetch(base + path, { ...init, headers: { ...init.headers, ...headers } });
      } catch (error) {
        if (init.signal?.aborted) throw error;
        this.lose(base);
        continue;
      }
      if (answer.ok) return answer;
      const problem = await Problem.of(answer);
      if (problem.status === 401) this.access.refuse(base, headers);
      if (!ELSEWHERE.includes(problem.code) || !this.goOn(base)) throw problem;
    }
    throw Problem.noNode();
  }

  async json<T>(path: string, init: RequestInit = {}): Promise<T> {
    return (await (await this.call(path, init)).json()) as T;
  }

  /** The node called at `base` does not answer. */
  lose(base: string): void {
    this.change(base, { state: this.barred.has(base) ? 'barred' : 'down' });
    this.goOn(base);
  }

  /** Take another node than `base`; false when none is left to try. */
  private goOn(base: string): boolean {
    if (this.base() !== base) return true;
    const lost = this.current();
    const others = this.all().filter((node) => node.base !== base && (node.state === 'up' || node.state === 'unknown'));
    // Rather one that knows the reader.
    const next = others.find((node) => this.access.isKnownTo(node.base)) ?? others[0];
    if (!next) return false;
    this.base.set(next.base);
    this.lost.set(lost);
    return true;
  }

  private async watch(): Promise<void> {
    for (;;) {
      if (document.visibilityState === 'visible') {
        // None waits for another: one that hangs says nothing of the rest.
        for (const node of this.all()) if (!this.asked.has(node.base)) void this.ask(node);
      }
      await new Promise((resolve) => setTimeout(resolve, ASK_MS));
    }
  }

  private async ask(node: Seen): Promise<void> {
    this.asked.add(node.base);
    try {
      const answer = await fetch(`${node.base}/v1/status`, { signal: AbortSignal.timeout(PATIENCE_MS) });
      if (!answer.ok) throw await Problem.of(answer);
      const status = (await answer.json()) as NodeStatus;
      this.change(node.base, { state: 'up', status, name: status.node.name, lastSeen: Date.now() });
      this.learn(status);
      if (this.lost()?.base === node.base) this.lost.set(null);
    } catch {
      this.lose(node.base);
      return;
    } finally {
      this.asked.delete(node.base);
    }
    // Whoever had nobody to turn to turns to the first that answers again; and to the first that lets the reader in.
    const letsIn = this.isShutOut() && node.base !== this.base() && this.access.isKnownTo(node.base);
    if (this.current().state === 'down' || letsIn) this.base.set(node.base);
    if (letsIn) this.access.comeIn();
  }

  private learn(status: NodeStatus): void {
    for (const { url, name } of status.peers) {
      const isKnown = this.all().some((node) => node.url === url || node.name === name);
      if (!URL.canParse(url) || isKnown) continue;
      const peer = { ...unseen(url), name };
      this.all.update((all) => [...all, peer]);
      void this.ask(peer);
    }
    // The one that served this page may be called by another name here than the others know it by.
    const home = this.all().find((node) => node.base === '');
    this.all.update((all) => all.filter((node) => node === home || node.name !== home?.name));
  }

  private change(base: string, facts: Partial<Seen>): void {
    this.all.update((all) =>
      all
        .map((node) => (node.base === base ? { ...node, ...facts } : node))
        .sort((one, other) => one.name.localeCompare(other.name, undefined, { numeric: true })),
    );
  }
}

function unseen(url: string): Seen {
  return { base: url, url, name: new URL(url).host, state: 'unknown', status: null, lastSeen: null };
}
