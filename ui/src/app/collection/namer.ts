import { ChangeDetectionStrategy, Component, inject, input, output } from '@angular/core';

import { Failure } from '../shell/failure';
import { Question } from '../shell/question';
import { Collection } from './collection';
import { Collections } from './collections';

/** Asks for the name of a new album, or for another name of one that is there. */
@Component({
  selector: 'weft-namer',
  imports: [Failure],
  template: `
    <dialog #dialog aria-labelledby="namer-title" (close)="closed.emit(named)">
      <form (submit)="save($event, name.value.trim())">
        <h2 id="namer-title">{{ album() ? 'Rename album' : 'New album' }}</h2>
        <div class="field">
          <label for="namer-name">Name</label>
          <input #name id="namer-name" maxlength="200" required pattern=".*\\S.*" autocomplete="off" [value]="album()?.name ?? ''" />
          @if (album()) {
            <small>The old name is destroyed on every node.</small>
          }
        </div>
        @if (problem(); as said) {
          <weft-failure [problem]="said" [isRepeatable]="false" />
        }
        <div class="actions">
          <button type="button" (click)="dialog.close()">Cancel</button>
          <button type="submit" class="primary" [disabled]="isBusy()">
            {{ isBusy() ? 'Saving…' : album() ? 'Rename' : 'Make album' }}
          </button>
        </div>
      </form>
    </dialog>
  `,
  changeDetection: ChangeDetectionStrategy.OnPush,
})
export class Namer extends Question {
  /** The one to rename; null for a new one. */
  readonly album = input<Collection | null>(null);
  /** The album with its name; null when nothing was saved. */
  readonly closed = output<Collection | null>();
  private readonly collections = inject(Collections);
  protected named: Collection | null = null;

  protected async save(event: Event, name: string): Promise<void> {
    event.preventDefault();
    await this.work(async () => {
      const album = this.album();
      this.named = album ? await this.collections.rename(album.id, name) : await this.collections.create(name);
      this.dialog().nativeElement.close();
    });
  }
}
