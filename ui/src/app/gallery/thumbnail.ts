import { ChangeDetectionStrategy, Component, computed, effect, inject, input, signal } from '@angular/core';

import { WeftFile, isPicture } from '../file/file';
import { Files } from '../file/files';
import { Nodes } from '../node/nodes';
import { Source } from '../node/source';

/** A small upright picture of a file, or a card with its name when there is none. */
@Component({
  selector: 'weft-thumbnail',
  imports: [Source],
  template: `
    @if (hasPicture()) {
      <img [weftSource]="files.thumbnail(file())" alt="" decoding="async" (error)="fail()" />
    } @else {
      <span class="card">
        <b>{{ kind() }}</b>
        <span>{{ file().name }}</span>
      </span>
    }
  `,
  styles: `
    :host { display: block; width: 100%; height: 100%; }
    img { width: 100%; height: 100%; object-fit: cover; display: block; animation: come .22s ease-out; }
    .card { display: flex; flex-direction: column; justify-content: flex-end; height: 100%; padding: 12px; gap: 2px;
      background: linear-gradient(160deg, var(--tile), var(--line)); color: var(--ink); font-size: .8rem; }
    .card b { font-size: 1.05rem; letter-spacing: .04em; }
    .card span { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; color: var(--soft); }
    @keyframes come { from { opacity: 0; } }
    @media (prefers-reduced-motion: reduce) { img { animation: none; } }
  `,
  changeDetection: ChangeDetectionStrategy.OnPush,
})
export class Thumbnail {
  readonly file = input.required<WeftFile>();
  protected readonly files = inject(Files);
  private readonly nodes = inject(Nodes);
  /** What could not be shown, and by whom: the same picture may be had of another node. */
  private readonly failed = signal('');

  protected readonly hasPicture = computed(
    () => isPicture(this.file()) && this.failed() !== this.nodes.link(this.files.thumbnail(this.file())),
  );
  protected readonly kind = computed(() => {
    const end = this.file().name.split('.').at(-1) ?? '';
    return (end.length < 6 ? end : this.file().media_type.split('/')[0]!).toUpperCase();
  });

  constructor() {
    effect(() => {
      this.file();
      this.failed.set('');
    });
  }

  protected fail(): void {
    this.failed.set(this.nodes.link(this.files.thumbnail(this.file())));
  }
}
