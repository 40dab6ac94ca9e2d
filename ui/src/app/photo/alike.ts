import { ChangeDetectionStrategy, Component, computed, effect, inject, input, signal, untracked } from '@angular/core';
import { RouterLink } from '@angular/router';

import { WeftFile, titleOf } from '../file/file';
import { Files } from '../file/files';
import { Thumbnail } from '../gallery/thumbnail';

/** Pictures that look like this one, as a program told: the same in another size, format or quality. */
@Component({
  selector: 'weft-alike',
  imports: [RouterLink, Thumbnail],
  template: `
    @if (found().length) {
      <section>
        <h2>Looks like this one</h2>
        <ul>
          @for (one of found(); track one.id) {
            <li>
              <a [routerLink]="['/photo', one.id]" [attr.aria-label]="titleOf(one)" [title]="titleOf(one)">
                <weft-thumbnail [file]="one" />
              </a>
            </li>
          }
        </ul>
      </section>
    }
  `,
  styles: `
    section { margin-top: 24px; padding-top: 20px; border-top: 1px solid var(--line); }
    h2 { font-size: .8rem; font-weight: 560; color: var(--faint); margin: 0 0 6px; }
    ul { display: grid; grid-template-columns: repeat(4, minmax(0, 1fr)); gap: 6px; list-style: none; margin: 0; padding: 0; }
    a { display: block; aspect-ratio: 1; border-radius: 8px; overflow: hidden; }
  `,
  changeDetection: ChangeDetectionStrategy.OnPush,
})
export class Alike {
  readonly file = input.required<WeftFile>();
  protected readonly found = signal<WeftFile[]>([]);
  protected readonly titleOf = titleOf;
  private readonly files = inject(Files);
  private readonly look = computed(() => {
    const { id, metadata } = this.file();
    return metadata.machine_tags?.some((one) => one.likeness) ? id : '';
  });

  constructor() {
    effect(() => {
      const id = this.look();
      untracked(() => void this.load(id));
    });
  }

  /** Nothing is shown of what cannot be had: the photo itself is there. */
  private async load(id: string): Promise<void> {
    this.found.set([]);
    const found = id ? await this.files.alike(id).catch(() => []) : [];
    if (id === this.look()) this.found.set(found);
  }
}
