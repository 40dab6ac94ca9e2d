import { ChangeDetectionStrategy, Component, DestroyRef, computed, effect, inject, input, signal, untracked } from '@angular/core';
import { Router, RouterLink } from '@angular/router';

import { Adder } from '../collection/adder';
import { Editor } from '../file/editor';
import { Eraser } from '../file/eraser';
import { FileVersion, Metadata, WeftFile, clockOf, isPicture, isShown, titleOf } from '../file/file';
import { Files } from '../file/files';
import { Album } from '../gallery/album';
import { MiniMap } from '../map/minimap';
import { Access } from '../node/access';
import { Events } from '../node/events';
import { Nodes } from '../node/nodes';
import { Problem } from '../node/problem';
import { Source, Sources } from '../node/source';
import { Failure } from '../shell/failure';
import { Icon } from '../shell/icon';
import { momentText, lengthText, placeText, short, sizeText, takenText } from '../shell/words';
import { writeSearch, EVERYTHING } from '../file/search';
import { Alike } from './alike';
import { Readers } from './readers';
import { Verification } from './verification';

/** One file: large, with all that is known of it, where it came from, and the proof that it is what it was. */
@Component({
  selector: 'weft-photo',
  imports: [RouterLink, Icon, Failure, Adder, Alike, Editor, Eraser, MiniMap, Readers, Source, Verification],
  templateUrl: './photo.html',
  styleUrl: './photo.css',
  changeDetection: ChangeDetectionStrategy.OnPush,
  host: { '(document:keydown)': 'onKey($event)' },
})
export class Photo {
  readonly id = input.required<string>();
  private readonly router = inject(Router);
  private readonly album = inject(Album);
  protected readonly files = inject(Files);
  protected readonly file = signal<WeftFile | null>(null);
  protected readonly history = signal<FileVersion[]>([]);
  protected readonly problem = signal<Problem | null>(null);
  protected readonly open = signal<'adder' | 'editor' | 'eraser' | null>(null);
  protected readonly nodes = inject(Nodes);
  private readonly sources = inject(Sources);
  private readonly access = inject(Access);
  /** What the browser could not show, and of whom. */
  private readonly broken = signal('');

  /** Why its bytes could not be saved. */
  protected readonly unsaved = signal<Problem | null>(null);

  protected readonly neighbours = computed(() => this.album.neighbours(this.id()));
  protected readonly kind = computed(() => {
    const file = this.file();
    if (!file) return 'none';
    if (isShown(file) && this.broken() !== this.nodes.link(this.files.content(file))) return 'picture';
    if (file.media_type.startsWith('video/') && this.broken() !== this.nodes.link(this.files.content(file))) return 'film';
    if (isPicture(file) && this.broken() !== this.nodes.link(this.files.thumbnail(file))) return 'thumbnail';
    return 'other';
  });

  protected readonly titleOf = titleOf;
  protected readonly clockOf = clockOf;
  protected readonly takenText = takenText;
  protected readonly momentText = momentText;
  protected readonly placeText = placeText;
  protected readonly sizeText = sizeText;
  protected readonly lengthText = lengthText;
  protected readonly short = short;

  constructor() {
    effect(() => {
      const id = this.id();
      untracked(() => void this.load(id));
    });
    const end = inject(Events).listen((event) => {
      if (event.contract === 'files' && event.data['id'] === this.id()) void this.load(this.id());
    });
    inject(DestroyRef).onDestroy(end);
  }

  protected async load(id: string): Promise<void> {
    if (this.file()?.id !== id) {
      this.file.set(null);
      this.unsaved.set(null);
    }
    try {
      const file = await this.files.get(id);
      if (id !== this.id()) return;
      this.problem.set(null);
      this.file.set(file);
      const history = await this.files.history(id);
      if (id === this.id()) this.history.set(history);
    } catch (error) {
      if (id !== this.id()) return;
      this.file.set(null);
      this.problem.set(Problem.from(error));
    }
  }

  protected fail(path: string): void {
    this.broken.set(this.nodes.link(path));
  }

  /** A link cannot say who asks; where that matters, the bytes are fetched first. */
  protected async save(event: Event, file: WeftFile): Promise<void> {
    if (!this.access.isKnownTo(this.nodes.base())) return;
    event.preventDefault();
    const link = document.createElement('a');
    link.download = file.name;
    this.unsaved.set(null);
    try {
      link.href = await this.sources.fetch(this.files.content(file));
      link.click();
      URL.revokeObjectURL(link.href);
    } catch (error) {
      this.unsaved.set(Problem.from(error));
    }
  }

  protected zoneText({ taken_offset }: Metadata): string {
    return taken_offset ? ` (UTC${taken_offset})` : '';
  }

  protected searchFor(tag: string): Record<string, unknown> {
    return writeSearch({ ...EVERYTHING, tags: [tag] });
  }

  protected cameraSearch(camera: string): Record<string, unknown> {
    return writeSearch({ ...EVERYTHING, camera });
  }

  protected close(isDone: boolean): void {
    const wasEraser = this.open() === 'eraser';
    this.open.set(null);
    if (isDone && wasEraser) this.leave();
    else if (isDone) void this.load(this.id());
  }

  /** Back to where the reader came from: the gallery as it was. */
  protected leave(): void {
    void this.router.navigate(['/'], { queryParams: writeSearch(this.album.search()) });
  }

  protected go(file: WeftFile | null): void {
    if (file) void this.router.navigate(['/photo', file.id], { replaceUrl: true });
  }

  protected onKey(event: KeyboardEvent): void {
    const isWriting = event.target instanceof HTMLElement && /INPUT|TEXTAREA|VIDEO/.test(event.target.tagName);
    if (isWriting || this.open() || event.ctrlKey || event.metaKey || event.altKey) return;
    const [before, after] = this.neighbours();
    if (event.key === 'ArrowLeft') this.go(before);
    else if (event.key === 'ArrowRight') this.go(after);
    else if (event.key === 'Escape') this.leave();
  }
}
