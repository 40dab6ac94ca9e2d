import { ChangeDetectionStrategy, Component, inject, input, output } from '@angular/core';

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
  /** Whether something was changed. */
  readonly closed = output<boolean>();
  private readonly album = inject(Album);
  private readonly service = inject(Files);
  protected readonly countText = countText;

  protected get one(): WeftFile | null {
    return this.files().length === 1 ? this.files()[0]! : null;
  }

  protected get taken(): string {
    return this.one ? clockOf(this.one.metadata) : '';
  }

  protected async save(event: Event): Promise<void> {
    event.preventDefault();
    const given = new FormData(event.target as HTMLFormElement);
    await this.work(async () => {
      for (const file of this.files()) {
        const patch = patchOf(file, given, this.one !== null);
        if (Object.keys(patch).length) this.album.replace(await this.service.change(file, patch));
      }
      this.closed.emit(true);
    });
  }
}
