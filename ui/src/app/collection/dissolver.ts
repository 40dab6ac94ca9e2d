import {
  ChangeDetectionStrategy,
  Component,
  ElementRef,
  afterNextRender,
  inject,
  input,
  output,
  signal,
  viewChild,
} from '@angular/core';

import { Problem } from '../node/problem';
import { Failure } from '../shell/failure';
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
export class Dissolver {
  readonly album = input.required<Collection>();
  /** Whether it is deleted. */
  readonly closed = output<boolean>();
  private readonly collections = inject(Collections);
  private readonly dialog = viewChild.required<ElementRef<HTMLDialogElement>>('dialog');
  protected readonly problem = signal<Problem | null>(null);
  protected readonly isBusy = signal(false);
  protected readonly countText = countText;
  protected isDone = false;

  constructor() {
    afterNextRender(() => this.dialog().nativeElement.showModal());
  }

  protected async delete(): Promise<void> {
    this.isBusy.set(true);
    this.problem.set(null);
    try {
      await this.collections.delete(this.album().id);
      this.isDone = true;
      this.dialog().nativeElement.close();
    } catch (error) {
      this.problem.set(Problem.from(error));
    } finally {
      this.isBusy.set(false);
    }
  }
}
