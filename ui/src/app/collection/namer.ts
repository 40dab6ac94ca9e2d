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
export class Namer {
  /** The one to rename; null for a new one. */
  readonly album = input<Collection | null>(null);
  /** The album with its name; null when nothing was saved. */
  readonly closed = output<Collection | null>();
  private readonly collections = inject(Collections);
  private readonly dialog = viewChild.required<ElementRef<HTMLDialogElement>>('dialog');
  protected readonly problem = signal<Problem | null>(null);
  protected readonly isBusy = signal(false);
  protected named: Collection | null = null;

  constructor() {
    afterNextRender(() => this.dialog().nativeElement.showModal());
  }

  protected async save(event: Event, name: string): Promise<void> {
    event.preventDefault();
    this.isBusy.set(true);
    this.problem.set(null);
    try {
      const album = this.album();
      this.named = album ? await this.collections.rename(album.id, name) : await this.collections.create(name);
      this.dialog().nativeElement.close();
    } catch (error) {
      this.problem.set(Problem.from(error));
    } finally {
      this.isBusy.set(false);
    }
  }
}
