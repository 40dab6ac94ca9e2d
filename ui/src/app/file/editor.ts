import { ChangeDetectionStrategy, Component, inject, input, linkedSignal, output } from '@angular/core';

import { Album } from '../gallery/album';
import { Failure } from '../shell/failure';
import { Question } from '../shell/question';
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
export class Editor extends Question {
  readonly files = input.required<WeftFile[]>();
  /** As they were when the form was opened: what others change meanwhile takes nothing out of it, and is not written
   * over unseen. */
  protected readonly opened = linkedSignal<WeftFile[], WeftFile[]>({
    source: this.files,
    computation: (files, before) => before?.value ?? files,
  });
  /** Whether something was changed. */
  readonly closed = output<boolean>();
  private readonly album = inject(Album);
  private readonly service = inject(Files);
  protected readonly countText = countText;

  protected get one(): WeftFile | null {
    return this.opened().length === 1 ? this.opened()[0]! : null;
  }

  protected get taken(): string {
    return this.one ? clockOf(this.one.metadata) : '';
  }

  protected async save(event: Event): Promise<void> {
    event.preventDefault();
    const given = new FormData(event.target as HTMLFormElement);
    await this.work(async () => {
      for (const file of this.opened()) {
        const patch = patchOf(file, given, this.one !== null);
        if (Object.keys(patch).length) this.keep(await this.service.change(file, patch));
      }
      this.closed.emit(true);
    });
  }

  /** Once more, where one of several was refused, begins from what the others are now. */
  private keep(changed: WeftFile): void {
    this.album.replace(changed);
    this.opened.update((files) => files.map((one) => (one.id === changed.id ? changed : one)));
  }
}
