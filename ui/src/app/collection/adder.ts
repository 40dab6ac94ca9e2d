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
import { RouterLink } from '@angular/router';

import { WeftFile } from '../file/file';
import { Problem } from '../node/problem';
import { Failure } from '../shell/failure';
import { Icon } from '../shell/icon';
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
export class Adder {
  readonly files = input.required<WeftFile[]>();
  /** Whether they are in an album now. */
  readonly closed = output<boolean>();
  protected readonly collections = inject(Collections);
  private readonly dialog = viewChild.required<ElementRef<HTMLDialogElement>>('dialog');
  protected readonly problem = signal<Problem | null>(null);
  protected readonly isBusy = signal(false);
  /** The album that they are in now. */
  protected readonly album = signal<Collection | null>(null);
  protected readonly countText = countText;

  constructor() {
    this.collections.want();
    afterNextRender(() => this.dialog().nativeElement.showModal());
  }

  protected what(): string {
    return countText(this.files().length, 'photo');
  }

  protected async add(choose: () => Promise<Collection>): Promise<void> {
    this.isBusy.set(true);
    this.problem.set(null);
    try {
      const album = await choose();
      await this.collections.add(album.id, this.files());
      this.album.set(album);
    } catch (error) {
      this.problem.set(Problem.from(error));
    } finally {
      this.isBusy.set(false);
    }
  }

  protected put(album: Collection): Promise<void> {
    return this.add(() => Promise.resolve(album));
  }

  protected make(event: Event, name: string): void {
    event.preventDefault();
    void this.add(() => this.collections.create(name));
  }
}
