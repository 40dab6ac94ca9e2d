import { ChangeDetectionStrategy, Component, computed, effect, inject, input, signal, untracked } from '@angular/core';
import { RouterLink } from '@angular/router';

import { Problem } from '../node/problem';
import { Failure } from '../shell/failure';
import { Icon } from '../shell/icon';
import { numberText, sizeText } from '../shell/words';
import { Blocks } from './blocks';
import { Block, Fate, Values } from './entry';

/** A transaction: what was wished, what became of it, and what it announced. */
@Component({
  selector: 'weft-transaction',
  imports: [RouterLink, Failure, Icon],
  templateUrl: './transaction.html',
  styleUrl: './detail.css',
  changeDetection: ChangeDetectionStrategy.OnPush,
})
export class TransactionPage {
  readonly id = input.required<string>();
  private readonly blocks = inject(Blocks);
  protected readonly fate = signal<Fate | null>(null);
  private readonly block = signal<Block | null>(null);
  protected readonly problem = signal<Problem | null>(null);
  protected readonly transaction = computed(() => this.block()?.transactions[this.fate()?.position ?? -1] ?? null);
  protected readonly events = computed(() => this.block()?.receipts[this.fate()?.position ?? -1]?.events ?? []);
  protected readonly numberText = numberText;
  protected readonly sizeText = sizeText;

  constructor() {
    effect(() => {
      const id = this.id();
      untracked(() => void this.load(id));
    });
  }

  protected async load(id: string): Promise<void> {
    this.problem.set(null);
    this.block.set(null);
    try {
      const fate = await this.blocks.transaction(id);
      this.fate.set(fate);
      if (fate.height !== null) this.block.set(await this.blocks.get(fate.height));
    } catch (error) {
      this.fate.set(null);
      this.problem.set(Problem.from(error));
    }
  }

  /** Where the thing that an event is about is shown. */
  protected placeOf(contract: string, data: Values): string[] | null {
    if (contract === 'files' && data['id']) return ['/photo', String(data['id'])];
    if (contract !== 'records' || !data['collection']) return null;
    return ['/ledger/records', String(data['collection']), String(data['key'])];
  }

  protected entries(data: Values): [string, string][] {
    return Object.entries(data).map(([name, value]) => [name, String(value ?? '–')]);
  }
}
