import { ChangeDetectionStrategy, Component, DestroyRef, computed, inject, signal } from '@angular/core';
import { RouterLink } from '@angular/router';

import { Blocks } from '../ledger/blocks';
import { Checkpoint } from '../ledger/entry';
import { Access } from '../node/access';
import { Nodes, Seen } from '../node/nodes';
import { agoText, countText, numberText, short } from '../shell/words';
import { Keeping, dueText, foundText, isLacking } from './keeping';

const TICK_MS = 1000;
const KEEPING_MS = 3000;

/** How the nodes are, as this page sees each of them by itself. */
@Component({
  selector: 'weft-network',
  imports: [RouterLink],
  templateUrl: './network.html',
  styleUrl: './network.css',
  changeDetection: ChangeDetectionStrategy.OnPush,
})
export class Network {
  protected readonly nodes = inject(Nodes);
  private readonly blocks = inject(Blocks);
  private readonly access = inject(Access);
  protected readonly now = signal(Date.now());
  protected readonly checkpoint = signal<Checkpoint | null>(null);
  /** How each node keeps content, by where it is called; none of one that does not say. */
  protected readonly keeping = signal<Record<string, Keeping | undefined>>({});
  protected readonly dueText = dueText;
  protected readonly foundText = foundText;
  protected readonly isLacking = isLacking;
  protected readonly numberText = numberText;
  protected readonly short = short;

  protected readonly down = computed(() => this.nodes.all().filter((node) => node.state === 'down').length);
  protected readonly verdict = computed(() => {
    const [all, down] = [this.nodes.all().length, this.down()];
    const isAsking = this.nodes.all().some((node) => node.state === 'unknown');
    if (isAsking && !down) return `Asking ${countText(all, 'node')}`;
    return down ? `${numberText(down)} of ${countText(all, 'node')} ${down === 1 ? 'does' : 'do'} not answer` : `All ${countText(all, 'node')} answer`;
  });
  private readonly signers = computed(() => new Set(this.checkpoint()?.signatures.map(({ member }) => member)));

  constructor() {
    const timer = setInterval(() => {
      this.now.set(Date.now());
      void this.look();
    }, TICK_MS);
    const slower = setInterval(() => this.askAll(), KEEPING_MS);
    inject(DestroyRef).onDestroy(() => {
      clearInterval(timer);
      clearInterval(slower);
    });
    void this.look();
    this.askAll();
  }

  protected stateText(node: Seen): string {
    if (node.state === 'down') return 'no answer';
    if (node.state === 'unknown') return 'not asked yet';
    if (node.state === 'barred') return 'load again to ask';
    return node.status?.catching_up ? 'catching up' : 'answers';
  }

  protected seenText(node: Seen): string {
    if (node.state === 'up') return 'now';
    return node.lastSeen === null ? 'never by this page' : agoText(node.lastSeen, this.now());
  }

  protected lagText(node: Seen): string {
    const behind = this.nodes.height() - (node.status?.latest_height ?? 0);
    return behind ? `${countText(behind, 'block')} behind` : 'level';
  }

  protected peersText(node: Seen): string {
    const peers = node.status?.peers ?? [];
    return `${peers.filter((peer) => peer.connected).length} of ${peers.length}`;
  }

  protected hasSigned(node: Seen): boolean {
    return node.status !== null && this.signers().has(node.status.node.id);
  }

  private askAll(): void {
    for (const { base } of this.nodes.all()) void this.ask(base);
  }

  /** Each is asked by itself, and with its own token: what one says of another is worth nothing. */
  private async ask(base: string): Promise<void> {
    const headers = this.access.headers(base);
    const answer = await fetch(`${base}/v1/blobs`, { headers, signal: AbortSignal.timeout(KEEPING_MS) }).catch(() => null);
    const said = answer?.ok ? ((await answer.json()) as Keeping) : undefined;
    this.keeping.update((all) => ({ ...all, [base]: said }));
  }

  /** Who signed the newest checkpoint. */
  private async look(): Promise<void> {
    const height = Math.max(0, ...this.nodes.all().map((node) => node.status?.certified_height ?? 0));
    if (!height || (this.checkpoint()?.height ?? 0) >= height) return;
    // The table says which nodes do not answer; a look that fails is followed by the next.
    const block = await this.blocks.get(height).catch(() => null);
    if (block?.checkpoint) this.checkpoint.set(block.checkpoint);
  }
}
