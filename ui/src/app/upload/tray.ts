import { ChangeDetectionStrategy, Component, computed, inject, signal } from '@angular/core';

import { Icon } from '../shell/icon';
import { countText, numberText, sizeText } from '../shell/words';
import { Upload } from './upload';

const SHOWN = 50;

/** How far the uploads are, in a corner of every page. */
@Component({
  selector: 'weft-tray',
  imports: [Icon],
  templateUrl: './tray.html',
  styleUrl: './tray.css',
  changeDetection: ChangeDetectionStrategy.OnPush,
})
export class Tray {
  protected readonly upload = inject(Upload);
  protected readonly isOpen = signal(false);
  protected readonly sizeText = sizeText;
  protected readonly share = computed(() => (this.upload.bytes() ? this.upload.sent() / this.upload.bytes() : 1));
  protected readonly refused = computed(() => this.upload.items().filter((item) => item.state === 'refused').length);
  protected readonly shown = computed(() => this.upload.items().slice(-SHOWN).reverse());

  protected readonly title = computed(() => {
    const items = this.upload.items();
    if (this.upload.isBusy()) return `Adding ${numberText(this.upload.done())} of ${countText(items.length, 'file')}`;
    const there = items.filter((item) => item.state === 'there').length;
    const stored = items.length - there - this.refused();
    return [
      stored ? `${countText(stored, 'file')} added` : '',
      there ? `${numberText(there)} already there` : '',
      this.refused() ? `${numberText(this.refused())} refused` : '',
    ]
      .filter(Boolean)
      .join(', ');
  });

  protected stateText(state: string): string {
    const words: Record<string, string> = {
      waiting: 'waiting',
      reading: 'being read',
      sending: 'on its way',
      stored: 'added',
      there: 'already there',
      refused: 'refused',
    };
    return words[state]!;
  }
}
