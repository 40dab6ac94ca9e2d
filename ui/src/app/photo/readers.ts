import { ChangeDetectionStrategy, Component, computed, inject, input } from '@angular/core';

import { Collections } from '../collection/collections';
import { WeftFile } from '../file/file';
import { Icon } from '../shell/icon';
import { short } from '../shell/words';

const ACCOUNT_LETTERS = 40;

/** Who may see a private file, in words. */
@Component({
  selector: 'weft-readers',
  imports: [Icon],
  template: `
    <p><weft-icon name="lock" size="17" /><span>Only its owner{{ others() }}, administrators and auditors see this.</span></p>
  `,
  styles: `
    p { display: flex; gap: 9px; align-items: flex-start; margin: 12px 0 0; padding: 9px 13px; border-radius: 12px; background: var(--sunken); color: var(--soft); font-size: .9rem; }
    weft-icon { flex: none; margin-top: 2px; color: var(--accent); }
    span { min-width: 0; overflow-wrap: anywhere; }
  `,
  changeDetection: ChangeDetectionStrategy.OnPush,
})
export class Readers {
  readonly file = input.required<WeftFile>();
  private readonly collections = inject(Collections);

  protected readonly others = computed(() =>
    (this.file().readers ?? [])
      .map((one) => {
        if (one.length === ACCOUNT_LETTERS) return `, account ${short(one)}…`;
        const album = this.collections.find(one);
        return album ? `, the members of the album “${album.name}”` : ', the members of an album';
      })
      .join(''),
  );

  constructor() {
    this.collections.want();
  }
}
