import { ChangeDetectionStrategy, Component, effect, inject, input, signal, untracked } from '@angular/core';

import { WeftFile } from '../file/file';
import { Files } from '../file/files';
import { Thumbnail } from '../gallery/thumbnail';
import { Icon } from '../shell/icon';
import { Collection } from './collection';

/** The newest photo of an album. */
@Component({
  selector: 'weft-cover',
  imports: [Icon, Thumbnail],
  template: `
    @if (file(); as file) {
      <weft-thumbnail [file]="file" />
    } @else {
      <weft-icon name="albums" size="40" />
    }
  `,
  styles: `
    :host { display: grid; width: 100%; height: 100%; }
    weft-icon { place-self: center; color: var(--faint); }
  `,
  changeDetection: ChangeDetectionStrategy.OnPush,
})
export class Cover {
  readonly album = input.required<Collection>();
  private readonly files = inject(Files);
  protected readonly file = signal<WeftFile | null>(null);

  constructor() {
    effect(() => {
      const album = this.album();
      untracked(() => void this.load(album));
    });
  }

  private async load({ id, version }: Collection): Promise<void> {
    const query = new URLSearchParams({ collection: id, limit: '1' });
    // An album without a picture is still one to open, which says what is wrong.
    const page = await this.files.find(query).catch(() => null);
    if (this.album().version === version) this.file.set(page?.items[0] ?? null);
  }
}
