import { ChangeDetectionStrategy, Component, ElementRef, afterNextRender, inject, viewChild } from '@angular/core';

import { Access } from '../node/access';

/** Asks who the reader is, where a network wants to know. */
@Component({
  selector: 'weft-gate',
  template: `
    <dialog #dialog aria-labelledby="gate-title" (cancel)="$event.preventDefault()">
      <form (submit)="enter($event, token.value.trim())">
        <h2 id="gate-title">This network knows its callers</h2>
        <p>{{ access.refusal() }}. Ask whoever runs a node for a token; <code>weft keys token</code> makes one.</p>
        <div class="field">
          <label for="gate-token">Token</label>
          <input #token id="gate-token" type="password" autocomplete="off" required />
          <small>Kept until this browser is closed, and sent to this network's nodes only.</small>
        </div>
        <div class="actions"><button type="submit" class="primary">Enter</button></div>
      </form>
    </dialog>
  `,
  changeDetection: ChangeDetectionStrategy.OnPush,
})
export class Gate {
  protected readonly access = inject(Access);
  private readonly dialog = viewChild.required<ElementRef<HTMLDialogElement>>('dialog');

  constructor() {
    afterNextRender(() => this.dialog().nativeElement.showModal());
  }

  protected enter(event: Event, token: string): void {
    event.preventDefault();
    this.access.enter(token);
    // Every page asks anew, as whoever the token stands for.
    location.reload();
  }
}
