import { ChangeDetectionStrategy, Component, computed, inject, input, output, signal } from '@angular/core';

import { Adder } from '../collection/adder';
import { Collections } from '../collection/collections';
import { Editor } from '../file/editor';
import { Eraser } from '../file/eraser';
import { WeftFile } from '../file/file';
import { Problem } from '../node/problem';
import { Failure } from '../shell/failure';
import { Icon } from '../shell/icon';
import { countText } from '../shell/words';
import { Album } from './album';

/** What can be done with the photos that were chosen. */
@Component({
  selector: 'weft-choice',
  imports: [Icon, Editor, Eraser, Adder, Failure],
  templateUrl: './choice.html',
  styleUrl: './choice.css',
  changeDetection: ChangeDetectionStrategy.OnPush,
})
export class Choice {
  readonly chosen = input.required<ReadonlyMap<string, WeftFile>>();
  readonly done = output();
  protected readonly album = inject(Album);
  private readonly collections = inject(Collections);
  protected readonly files = computed(() => [...this.chosen().values()]);
  protected readonly open = signal<'adder' | 'editor' | 'eraser' | null>(null);
  protected readonly problem = signal<Problem | null>(null);
  protected readonly countText = countText;

  protected close(isDone: boolean): void {
    this.open.set(null);
    if (isDone) this.done.emit();
  }

  /** Out of the album that is looked at; they stay among all photos. */
  protected async remove(): Promise<void> {
    this.problem.set(null);
    try {
      await this.collections.remove(this.album.search().collection, this.files());
      this.album.renewSoon();
      this.done.emit();
    } catch (error) {
      this.problem.set(Problem.from(error));
    }
  }
}
