import { ChangeDetectionStrategy, Component, inject, input, output } from '@angular/core';

import { Failure } from '../shell/failure';
import { Question } from '../shell/question';
import { countText } from '../shell/words';
import { Collection } from './collection';
import { Collections } from './collections';

/** Says in plain words what becomes of an album and of its photos, and then deletes the album. */
@Component({
  selector: 'weft-dissolver',
  imports: [Failure],
  template: `
    <dialog #dialog aria-labelledby="dissolver-title" (close)="closed.emit(isDone)">
      <h2 id="dissolver-title">Delete the album “{{ album().name }}”?</h2>
      <p>
        Only the album goes: its name is destroyed on every node, and nobody can bring it back.
        @if (album().files) {
          {{ album().files === 1 ? 'The photo' : 'The ' + countText(album().files, 'photo') }} in it
          {{ album().files === 1 ? 'stays' : 'stay' }} among all photos, and in other albums.
        }
      </p>
      @if (problem(); as said) {
        <weft-failure [problem]="said" [isRepeatable]="false" />
      }
      <div class="actions">
        <button type="button" (click)="dialog.close()">Keep</button>
        <button type="button" class="danger" [disabled]="isBusy()" (click)="delete()">
          {{ isBusy() ? 'Deleting…' : 'Delete the album' }}
        </button>
      </div>
    </dialog>
  `,
  changeDetection: ChangeDetectionStrategy.OnPush,
})
export class Dissolver extends Question {
  readonly album = input.required<Collection>();
  /** Whether it is deleted. */
  readonly closed = output<boolean>();
  private readonly collections = inject(Collections);
  protected readonly countText = countText;
  protected isDone = false;

  protected async delete(): Promise<void> {
    await this.work(async () => {
      await this.collections.delete(this.album().id);
      this.isDone = true;
      this.dialog().nativeElement.close();
    });
  }
}
