import { ChangeDetectionStrategy, Component, computed, input, output } from '@angular/core';

import { Problem } from '../node/problem';
import { Icon } from './icon';

const UNKNOWN = 'Check the name; what was written a moment ago may not have come to this node yet.';

/** What went wrong, in words, and what to do. */
@Component({
  selector: 'weft-failure',
  imports: [Icon],
  template: `
    <div class="failure" role="alert">
      <weft-icon name="alert" size="22" />
      <div>
        <strong>{{ problem().title }}</strong>
        <p>{{ problem().detail }}</p>
        @if (fix(); as fix) {
          <p class="fix">{{ fix }}</p>
        }
        @if (isRepeatable()) {
          <button type="button" (click)="again.emit()">Try again</button>
        }
      </div>
    </div>
  `,
  styles: `
    .failure { display: flex; gap: 14px; align-items: flex-start; padding: 16px 18px; margin: 16px 0; border-radius: 12px;
      background: var(--bad-paper); color: var(--ink); }
    .failure weft-icon { color: var(--bad); margin-top: 1px; }
    .failure div { flex: 1; min-width: 0; overflow-wrap: anywhere; }
    p { margin: 3px 0 0; }
    button { margin-top: 12px; }
    .fix { color: var(--soft); }
  `,
  changeDetection: ChangeDetectionStrategy.OnPush,
})
export class Failure {
  readonly problem = input.required<Problem>();
  readonly isRepeatable = input(true);
  readonly again = output();
  /** What nodes say of a thing that they do not know is meant for programs. */
  protected readonly fix = computed(() => (this.problem().status === 404 ? UNKNOWN : this.problem().fix));
}
