import { ChangeDetectionStrategy, Component, ElementRef, afterNextRender, computed, inject, viewChild } from '@angular/core';

import { Access } from '../node/access';
import { Nodes } from '../node/nodes';

/** Asks who the reader is, where a network wants to know. */
@Component({
  selector: 'weft-gate',
  template: `
    <dialog #dialog aria-labelledby="gate-title" (cancel)="$event.preventDefault()">
      <form (submit)="enter($event, token.value.trim())">
        <h2 id="gate-title">This network knows its callers</h2>
        <p>
          @if (isWrong()) {
            {{ name() }} does not know this token: it is mistyped, was revoked, or is another node's.
          } @else {
            {{ name() }} wants to know who asks.
          }
          Ask whoever runs {{ name() }} for a token; <code>weft keys token</code> makes one.
        </p>
        <div class="field">
          <label for="gate-token">Token</label>
          <input #token id="gate-token" type="password" autocomplete="off" required />
          <small>Kept until this tab is closed, and sent to {{ name() }} only.</small>
        </div>
        <div class="actions"><button type="submit" class="primary">Enter</button></div>
      </form>
    </dialog>
  `,
  changeDetection: ChangeDetectionStrategy.OnPush,
})
export class Gate {
  private readonly access = inject(Access);
  private readonly nodes = inject(Nodes);
  protected readonly name = computed(() => this.nodes.current().name);
  protected readonly isWrong = computed(() => this.access.isKnownTo(this.nodes.base()));
  private readonly dialog = viewChild.required<ElementRef<HTMLDialogElement>>('dialog');

  constructor() {
    afterNextRender(() => this.dialog().nativeElement.showModal());
  }

  protected enter(event: Event, token: string): void {
    event.preventDefault();
    this.access.enter(this.nodes.base(), token);
  }
}
