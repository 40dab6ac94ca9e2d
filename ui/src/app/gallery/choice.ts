import { ChangeDetectionStrategy, Component, computed, input, output, signal } from '@angular/core';

import { WeftFile } from '../file/file';
import { Icon } from '../shell/icon';
import { countText } from '../shell/words';
import { Editor } from '../file/editor';
import { Eraser } from '../file/eraser';

/** What can be done with the photos that were chosen. */
@Component({
  selector: 'weft-choice',
  imports: [Icon, Editor, Eraser],
  template: `
    <div class="choice" role="toolbar" aria-label="Chosen photos">
      <button type="button" class="plain round" aria-label="Choose none" (click)="done.emit()">
        <weft-icon name="close" />
      </button>
      <strong aria-live="polite">{{ countText(files().length, 'photo') }} chosen</strong>
      <button type="button" class="plain" (click)="open.set('editor')"><weft-icon name="edit" />Edit</button>
      <button type="button" class="plain" (click)="open.set('eraser')"><weft-icon name="erase" />Erase</button>
    </div>
    @switch (open()) {
      @case ('editor') {
        <weft-editor [files]="files()" (closed)="close($event)" />
      }
      @case ('eraser') {
        <weft-eraser [files]="files()" (closed)="close($event)" />
      }
    }
  `,
  styles: `
    .choice { position: absolute; left: 50%; bottom: 22px; transform: translateX(-50%); display: flex; align-items: center;
      gap: 6px; padding: 7px 12px 7px 7px; border-radius: 999px; background: var(--raised); box-shadow: var(--shadow); white-space: nowrap; }
    strong { margin-right: 10px; font-weight: 580; font-variant-numeric: tabular-nums; }
    @media (max-width: 760px) { .choice { bottom: 84px; } }
  `,
  changeDetection: ChangeDetectionStrategy.OnPush,
})
export class Choice {
  readonly chosen = input.required<ReadonlyMap<string, WeftFile>>();
  readonly done = output();
  protected readonly files = computed(() => [...this.chosen().values()]);
  protected readonly open = signal<'editor' | 'eraser' | null>(null);
  protected readonly countText = countText;

  protected close(isDone: boolean): void {
    this.open.set(null);
    if (isDone) this.done.emit();
  }
}
