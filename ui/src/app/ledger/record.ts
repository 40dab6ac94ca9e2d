import { ChangeDetectionStrategy, Component, effect, inject, input, signal, untracked } from '@angular/core';
import { RouterLink } from '@angular/router';

import { Problem } from '../node/problem';
import { Failure } from '../shell/failure';
import { Icon } from '../shell/icon';
import { momentText, numberText } from '../shell/words';
import { Blocks } from './blocks';
import { RecordVersion } from './entry';

/** A record and all that it was. */
@Component({
  selector: 'weft-record',
  imports: [RouterLink, Failure, Icon],
  templateUrl: './record.html',
  styleUrl: './detail.css',
  changeDetection: ChangeDetectionStrategy.OnPush,
})
export class RecordPage {
  readonly collection = input.required<string>();
  readonly key = input.required<string>();
  private readonly blocks = inject(Blocks);
  protected readonly versions = signal<RecordVersion[]>([]);
  protected readonly problem = signal<Problem | null>(null);
  protected readonly momentText = momentText;
  protected readonly numberText = numberText;

  constructor() {
    effect(() => {
      const [collection, key] = [this.collection(), this.key()];
      untracked(() => void this.load(collection, key));
    });
  }

  protected async load(collection: string, key: string): Promise<void> {
    this.problem.set(null);
    try {
      this.versions.set(await this.blocks.record(collection, key));
    } catch (error) {
      this.versions.set([]);
      this.problem.set(Problem.from(error));
    }
  }

  protected textOf(version: RecordVersion): string {
    if (version.erased_height !== null) return `erased at block ${numberText(version.erased_height)}`;
    if (version.lack?.code === 'record.malformed') return 'what was signed is no JSON text';
    if (version.lack) return version.lack.detail;
    return version.deleted ? 'deleted' : JSON.stringify(version.value, null, 2);
  }
}
