import { ChangeDetectionStrategy, Component, ElementRef, computed, inject, input, output, signal } from '@angular/core';

import { Shelves, nameOf } from './shelf';
import { at } from './window';

const APART = 26;

/** The years down the edge of the gallery: press or drag to go to a month. */
@Component({
  selector: 'weft-scrubber',
  template: `
    @if (marks().length) {
      <nav
        aria-label="Timeline"
        (pointerdown)="grip($event)"
        (pointermove)="move($event)"
        (pointerup)="release()"
        (pointercancel)="release()"
        (pointerleave)="hovered.set(null)"
      >
        @for (mark of marks(); track mark.text) {
          <button type="button" [style.top.%]="mark.share * 100" (click)="go.emit(mark.top)">{{ mark.text }}</button>
        }
        <span class="here" [style.top.%]="share() * 100"></span>
        @if (hovered(); as place) {
          <span class="bubble" [style.top.%]="place.share * 100">{{ place.text }}</span>
        }
      </nav>
    }
  `,
  styleUrl: './scrubber.css',
  changeDetection: ChangeDetectionStrategy.OnPush,
})
export class Scrubber {
  readonly shelves = input.required<Shelves>();
  readonly scrollTop = input.required<number>();
  readonly go = output<number>();
  protected readonly hovered = signal<{ share: number; text: string } | null>(null);
  private readonly element = inject<ElementRef<HTMLElement>>(ElementRef).nativeElement;
  private isHeld = false;

  protected readonly share = computed(() => Math.min(1, this.scrollTop() / Math.max(1, this.shelves().height)));

  /** A year where it begins, as far as there is room to write it. */
  protected readonly marks = computed(() => {
    const { shelves, stack, height } = this.shelves();
    const room = (this.element.clientHeight || 700) / APART;
    const found: { text: string; share: number; top: number }[] = [];
    for (const [place, shelf] of shelves.entries()) {
      const text = shelf.section.to.slice(0, 4) || '–';
      const top = stack.tops[place]!;
      const share = top / Math.max(1, height);
      const last = found.at(-1);
      if (text !== last?.text && (!last || (share - last.share) * room >= 1)) found.push({ text, share, top });
    }
    return found.length > 1 ? found : [];
  });

  protected grip(event: PointerEvent): void {
    if (event.target instanceof HTMLButtonElement) return;
    this.isHeld = true;
    (event.currentTarget as HTMLElement).setPointerCapture(event.pointerId);
    this.move(event);
  }

  protected release(): void {
    this.isHeld = false;
  }

  protected move(event: PointerEvent): void {
    const box = (event.currentTarget as HTMLElement).getBoundingClientRect();
    const share = Math.min(1, Math.max(0, (event.clientY - box.top) / box.height));
    const { shelves, stack, height } = this.shelves();
    const section = shelves[at(stack.tops, share * height)]?.section;
    if (section) this.hovered.set({ share, text: nameOf(section) });
    if (this.isHeld) this.go.emit(share * height);
  }
}
