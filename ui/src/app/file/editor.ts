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

import { Album } from '../gallery/album';
import { Problem } from '../node/problem';
import { Failure } from '../shell/failure';
import { countText } from '../shell/words';
import { WeftFile, clockOf } from './file';
import { Files } from './files';
import { patchOf } from './patch';

/** Title, tags, time and position of one photo; of several, tags to add, and a time or position for all. */
@Component({
  selector: 'weft-editor',
  imports: [Failure],
  templateUrl: './editor.html',
  changeDetection: ChangeDetectionStrategy.OnPush,
})
export class Editor {
  readonly files = input.required<WeftFile[]>();
  /** Whether something was changed. */
  readonly closed = output<boolean>();
  private readonly album = inject(Album);
  private readonly service = inject(Files);
  private readonly dialog = viewChild.required<ElementRef<HTMLDialogElement>>('dialog');
  protected readonly problem = signal<Problem | null>(null);
  protected readonly isBusy = signal(false);
  protected readonly countText = countText;

  constructor() {
    afterNextRender(() => this.dialog().nativeElement.showModal());
  }

  protected get one(): WeftFile | null {
    return this.files().length === 1 ? this.files()[0]! : null;
  }

  protected get taken(): string {
    return this.one ? clockOf(this.one.metadata) : '';
  }

  protected async save(event: Event): Promise<void> {
    event.preventDefault();
    const given = new FormData(event.target as HTMLFormElement);
    this.isBusy.set(true);
    this.problem.set(null);
    try {
      for (const file of this.files()) {
        const patch = patchOf(file, given, this.one !== null);
        if (Object.keys(patch).length) this.album.replace(await this.service.change(file, patch));
      }
      this.closed.emit(true);
    } catch (error) {
      this.problem.set(Problem.from(error));
    } finally {
      this.isBusy.set(false);
    }
  }
}
