import { ChangeDetectionStrategy, Component, computed, effect, inject, input, signal, untracked } from '@angular/core';
import { RouterLink } from '@angular/router';

import { Nodes } from '../node/nodes';
import { Problem } from '../node/problem';
import { Failure } from '../shell/failure';
import { Icon } from '../shell/icon';
import { momentText, numberText, short } from '../shell/words';
import { Blocks } from './blocks';
import { Block } from './entry';

/** A block: its header, its transactions, and who vouches for it. */
@Component({
  selector: 'weft-block',
  imports: [RouterLink, Failure, Icon],
  templateUrl: './block.html',
  styleUrl: './detail.css',
  changeDetection: ChangeDetectionStrategy.OnPush,
})
export class BlockPage {
  readonly height = input.required<string>();
  private readonly blocks = inject(Blocks);
  private readonly nodes = inject(Nodes);
  protected readonly block = signal<Block | null>(null);
  protected readonly problem = signal<Problem | null>(null);
  protected readonly isNewest = computed(() => (this.block()?.height ?? 0) >= this.nodes.height());
  protected readonly short = short;
  protected readonly momentText = momentText;
  protected readonly numberText = numberText;

  protected readonly rows = computed(() => {
    const block = this.block();
    return block?.transactions.map((transaction, place) => ({ ...transaction, receipt: block.receipts[place]! })) ?? [];
  });

  /** Members by name, as far as the nodes that this page knows tell. */
  protected readonly signers = computed(() => {
    const names = new Map(this.nodes.all().flatMap(({ status }) => (status ? [[status.node.id, status.node.name]] : [])));
    return (this.block()?.checkpoint?.signatures ?? []).map(({ member }) => names.get(member) ?? `member ${member}`);
  });

  constructor() {
    effect(() => {
      const height = this.height();
      untracked(() => void this.load(height));
    });
  }

  protected async load(height: string): Promise<void> {
    this.problem.set(null);
    try {
      this.block.set(await this.blocks.get(height));
    } catch (error) {
      this.block.set(null);
      this.problem.set(Problem.from(error));
    }
  }
}
