import { ChangeDetectionStrategy, Component, computed, inject, input, signal } from '@angular/core';
import { Router, RouterLink } from '@angular/router';

import { Icon } from '../shell/icon';
import { Collection } from './collection';
import { Collections } from './collections';
import { Dissolver } from './dissolver';
import { Namer } from './namer';

/** Above the photos of an album: which one it is, and what can be done with it as a whole. */
@Component({
  selector: 'weft-album-bar',
  imports: [RouterLink, Icon, Namer, Dissolver],
  template: `
    <div class="album">
      <a class="button plain round" routerLink="/albums" aria-label="Back to all albums"><weft-icon name="back" /></a>
      <h1>{{ album()?.name ?? 'Album' }}</h1>
      @if (album(); as album) {
        <button type="button" class="plain" aria-label="Rename the album" (click)="renamed.set(album)">
          <weft-icon name="edit" size="18" /><span>Rename</span>
        </button>
        <button type="button" class="plain" aria-label="Delete the album" (click)="deleted.set(album)">
          <weft-icon name="erase" size="18" /><span>Delete</span>
        </button>
      }
    </div>
    @if (renamed(); as album) {
      <weft-namer [album]="album" (closed)="renamed.set(null)" />
    }
    @if (deleted(); as album) {
      <weft-dissolver [album]="album" (closed)="close($event)" />
    }
  `,
  styles: `
    .album { display: flex; align-items: center; gap: 4px; padding-top: 12px; }
    h1 { flex: 1; min-width: 0; margin: 0 8px; font-size: 1.5rem; font-weight: 640; letter-spacing: -0.025em; line-height: 1.25; overflow-wrap: anywhere; }
    .round { width: 40px; height: 40px; padding: 0; margin-left: -8px; border-color: transparent; background: none; }
    .round:hover { background: var(--hover); }
    @media (max-width: 760px) { button { padding: 8px 10px; } button span { display: none; } h1 { font-size: 1.25rem; margin: 0 4px; } }
  `,
  changeDetection: ChangeDetectionStrategy.OnPush,
})
export class AlbumBar {
  readonly id = input.required<string>();
  private readonly collections = inject(Collections);
  private readonly router = inject(Router);
  protected readonly album = computed(() => this.collections.find(this.id()));
  /** What a dialog is about; it is there until its dialog has closed. */
  protected readonly renamed = signal<Collection | null>(null);
  protected readonly deleted = signal<Collection | null>(null);

  constructor() {
    this.collections.want();
  }

  protected close(isDone: boolean): void {
    this.deleted.set(null);
    if (isDone) void this.router.navigate(['/albums']);
  }
}
