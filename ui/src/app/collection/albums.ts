import { ChangeDetectionStrategy, Component, inject, signal } from '@angular/core';
import { Router, RouterLink } from '@angular/router';

import { Failure } from '../shell/failure';
import { Icon } from '../shell/icon';
import { countText } from '../shell/words';
import { Collection } from './collection';
import { Collections } from './collections';
import { Cover } from './cover';
import { Namer } from './namer';

/** All albums, by name. */
@Component({
  selector: 'weft-albums',
  imports: [RouterLink, Icon, Failure, Cover, Namer],
  templateUrl: './albums.html',
  styleUrl: './albums.css',
  changeDetection: ChangeDetectionStrategy.OnPush,
})
export class Albums {
  protected readonly collections = inject(Collections);
  private readonly router = inject(Router);
  protected readonly isNaming = signal(false);
  protected readonly countText = countText;

  constructor() {
    this.collections.want();
  }

  /** A new album is shown at once, empty. */
  protected begin(made: Collection | null): void {
    this.isNaming.set(false);
    if (made) void this.router.navigate(['/'], { queryParams: { collection: made.id } });
  }
}
