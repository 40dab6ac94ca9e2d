import { ChangeDetectionStrategy, Component, inject, input, output, signal } from '@angular/core';
import { RouterLink } from '@angular/router';

import { WeftFile } from '../file/file';
import { Failure } from '../shell/failure';
import { Icon } from '../shell/icon';
import { Question } from '../shell/question';
import { countText } from '../shell/words';
import { Collection } from './collection';
import { Collections } from './collections';

/** Asks into which album photos go, one that is there or a new one, and puts them there. */
@Component({
  selector: 'weft-adder',
  imports: [RouterLink, Failure, Icon],
  templateUrl: './adder.html',
  styleUrl: './adder.css',
  changeDetection: ChangeDetectionStrategy.OnPush,
})
export class Adder extends Question {
  readonly files = input.required<WeftFile[]>();
  /** Whether they are in an album now. */
  readonly closed = output<boolean>();
  protected readonly collections = inject(Collections);
  /** The album that they are in now. */
  protected readonly album = signal<Collection | null>(null);
  protected readonly countText = countText;

  constructor() {
    super();
    this.collections.want();
  }

  protected what(): string {
    return countText(this.files().length, 'photo');
  }

  protected async add(choose: () => Promise<Collection>): Promise<void> {
    await this.work(async () => {
      const album = await choose();
      await this.collections.add(album.id, this.files());
      this.album.set(album);
    });
  }

  protected put(album: Collection): Promise<void> {
    return this.add(() => Promise.resolve(album));
  }

  protected make(event: Event, name: string): void {
    event.preventDefault();
    void this.add(() => this.collections.create(name));
  }
}
