import { ChangeDetectionStrategy, Component, inject, input, output } from '@angular/core';

import { Album } from '../gallery/album';
import { Problem } from '../node/problem';
import { Failure } from '../shell/failure';
import { Question } from '../shell/question';
import { countText } from '../shell/words';
import { WeftFile } from './file';
import { Files } from './files';

/** Says in plain words what erasing is, and then does it. */
@Component({
  selector: 'weft-eraser',
  imports: [Failure],
  template: `
    <dialog #dialog aria-labelledby="eraser-title" (close)="closed.emit(false)">
      <h2 id="eraser-title">Erase {{ what() }} for good?</h2>
      <p>
        Every node of the network overwrites {{ files().length === 1 ? 'it' : 'them' }}: the picture, its name, its
        place and its tags. Nobody can bring anything back, and there is no bin to look in.
      </p>
      <p>The ledger keeps that something of this size was here, when it came and when it went; nothing of what it was.</p>
      @if (problem(); as said) {
        <weft-failure [problem]="said" [isRepeatable]="false" />
      }
      <div class="actions">
        <button type="button" (click)="dialog.close()">Keep</button>
        <button type="button" class="danger" [disabled]="isBusy()" (click)="erase()">
          {{ isBusy() ? 'Erasing…' : 'Erase ' + what() }}
        </button>
      </div>
    </dialog>
  `,
  changeDetection: ChangeDetectionStrategy.OnPush,
})
export class Eraser extends Question {
  readonly files = input.required<WeftFile[]>();
  /** Whether they are erased. */
  readonly closed = output<boolean>();
  private readonly album = inject(Album);
  private readonly service = inject(Files);

  protected what(): string {
    return this.files().length === 1 ? 'this photo' : countText(this.files().length, 'photo');
  }

  protected async erase(): Promise<void> {
    await this.work(async () => {
      for (const file of this.files()) await this.service.erase(file.id).catch(passOverGone);
      this.album.renewSoon();
      this.closed.emit(true);
    });
  }
}

/** What somebody else has erased already is as it should be. */
function passOverGone(error: unknown): void {
  if (!(error instanceof Problem && error.isGone)) throw error;
}
