import { ChangeDetectionStrategy, Component, ElementRef, afterNextRender, inject, viewChild } from '@angular/core';

import { countText } from '../shell/words';
import { Upload } from './upload';

/** Asks who may see the files that are about to be added, on a network that knows who asks. */
@Component({
  selector: 'weft-audience',
  template: `
    <dialog #dialog aria-labelledby="audience-title" (close)="upload.begin(null)">
      <form (submit)="begin($event)">
        <h2 id="audience-title">Add {{ countText(upload.asked().length, 'file') }}</h2>
        <fieldset>
          <legend>Who may see {{ upload.asked().length === 1 ? 'it' : 'them' }}?</legend>
          <label><input type="radio" name="audience" value="everyone" checked /><span>Everyone who reads this network</span></label>
          <label>
            <input type="radio" name="audience" value="me" />
            <span>Only me <small>and the network's administrators and auditors. Every node keeps it all the same.</small></span>
          </label>
        </fieldset>
        <div class="actions">
          <button type="button" (click)="dialog.close()">Cancel</button>
          <button type="submit" class="primary">Add</button>
        </div>
      </form>
    </dialog>
  `,
  styles: `
    fieldset { border: 0; margin: 0; padding: 0; display: grid; gap: 4px; }
    legend { padding: 0; margin-bottom: 8px; color: var(--soft); }
    label { display: flex; align-items: flex-start; gap: 12px; padding: 10px 12px; border-radius: 12px; font-size: .95rem; cursor: pointer; }
    label:hover { background: var(--hover); }
    input { width: 18px; height: 18px; margin: 2px 0 0; flex: none; accent-color: var(--accent); }
    small { display: block; color: var(--faint); font-weight: 400; }
  `,
  changeDetection: ChangeDetectionStrategy.OnPush,
})
export class Audience {
  protected readonly upload = inject(Upload);
  private readonly dialog = viewChild.required<ElementRef<HTMLDialogElement>>('dialog');
  protected readonly countText = countText;

  constructor() {
    afterNextRender(() => this.dialog().nativeElement.showModal());
  }

  protected begin(event: Event): void {
    event.preventDefault();
    const chosen = new FormData(event.target as HTMLFormElement).get('audience');
    this.upload.begin(chosen === 'me' ? 'me' : 'everyone');
  }
}
