import {
  ChangeDetectionStrategy,
  Component,
  DestroyRef,
  ElementRef,
  afterNextRender,
  computed,
  effect,
  inject,
  signal,
  untracked,
  viewChild,
} from '@angular/core';
import { ActivatedRoute, Router, RouterLink } from '@angular/router';

import { AlbumBar } from '../collection/bar';
import { WeftFile, isPicture, titleOf } from '../file/file';
import { Files } from '../file/files';
import { isEverything, readSearch } from '../file/search';
import { countText, numberText, takenDayText } from '../shell/words';
import { Failure } from '../shell/failure';
import { Icon } from '../shell/icon';
import { Upload } from '../upload/upload';
import { Album } from './album';
import { Choice } from './choice';
import { Filters } from './filters';
import { Grid } from './justify';
import { Scrubber } from './scrubber';
import { Shelving, look } from './shelf';
import { Thumbnail } from './thumbnail';
import { at } from './window';

/** What is drawn beyond what shows, and how far one must scroll until that is looked at again. */
const BEYOND = 900;
const STRIDE = 150;
const GAP = 4;
const NARROW = 640;

/** All photos, newest first: as many as there are, of which only those that show are drawn. */
@Component({
  selector: 'weft-gallery',
  imports: [RouterLink, AlbumBar, Thumbnail, Filters, Scrubber, Choice, Failure, Icon],
  templateUrl: './gallery.html',
  styleUrl: './gallery.css',
  changeDetection: ChangeDetectionStrategy.OnPush,
})
export class Gallery {
  protected readonly album = inject(Album);
  protected readonly files = inject(Files);
  protected readonly upload = inject(Upload);
  private readonly router = inject(Router);
  private readonly scroller = viewChild.required<ElementRef<HTMLElement>>('scroller');
  private readonly shelving = new Shelving();
  private readonly size = signal({ width: 0, height: 0 });
  protected readonly scrollTop = signal(0);

  private readonly grid = computed<Grid>(() => {
    const { width } = this.size();
    return { width, rowHeight: width < NARROW ? 118 : width < 1400 ? 218 : 248, gap: GAP };
  });
  protected readonly shelves = computed(() => this.shelving.arrange(this.album.sections(), this.grid()));
  protected readonly view = computed(() => {
    const top = this.scrollTop();
    return look(this.shelves(), top - BEYOND, top + this.size().height + BEYOND);
  });

  protected readonly chosen = signal<ReadonlyMap<string, WeftFile>>(new Map());
  protected readonly isChoosing = computed(() => this.chosen().size > 0);
  private lastChosen: string | null = null;
  private anchor: { key: string; offset: number } | null = null;

  protected readonly isEverything = computed(() => isEverything(this.album.search()));
  protected readonly isWholeAlbum = computed(() => isEverything({ ...this.album.search(), collection: '' }));
  protected readonly countText = countText;
  protected readonly numberText = numberText;

  constructor() {
    const destroyed = inject(DestroyRef);
    const params = inject(ActivatedRoute).queryParams.subscribe((values) => {
      const search = readSearch(values);
      const isSame = JSON.stringify(search) === JSON.stringify(untracked(this.album.search));
      if (!isSame || !untracked(this.album.isReady)) void this.album.show(search);
      else this.album.renewSoon();
    });
    destroyed.onDestroy(() => params.unsubscribe());
    afterNextRender(() => this.begin(destroyed));
    effect(() => {
      for (const [key, count] of this.view().wanted) void this.album.want(key, count);
    });
    effect(() => {
      // Months above grow or shrink as their photos come: what is looked at stays where it is.
      const shelves = this.shelves();
      untracked(() => this.hold(shelves.shelves.map((shelf) => shelf.section.key)));
    });
  }

  protected onScroll(): void {
    const top = this.scroller().nativeElement.scrollTop;
    this.scrollTop.set(Math.floor(top / STRIDE) * STRIDE);
    this.album.scrollTop = top;
    this.remember(top);
  }

  protected scrollTo(top: number): void {
    this.scroller().nativeElement.scrollTo({ top });
  }

  protected name(file: WeftFile): string {
    const taken = file.metadata.taken_at;
    return [titleOf(file), taken && takenDayText(taken), file.readers && 'private'].filter(Boolean).join(', ');
  }

  protected isPicture(file: WeftFile): boolean {
    return isPicture(file);
  }

  /** A click on a photo opens it, unless photos are being chosen. */
  protected onTile(event: MouseEvent, file: WeftFile): void {
    if (!this.isChoosing()) return;
    event.preventDefault();
    this.choose(file, event.shiftKey);
  }

  protected choose(file: WeftFile, isRange: boolean): void {
    const chosen = new Map(this.chosen());
    const all = this.album.sections().flatMap((section) => section.items);
    const [one, other] = [this.lastChosen, file.id].map((id) => all.findIndex((item) => item.id === id));
    if (isRange && one! >= 0) {
      for (const item of all.slice(Math.min(one!, other!), Math.max(one!, other!) + 1)) chosen.set(item.id, item);
    } else if (!chosen.delete(file.id)) {
      chosen.set(file.id, file);
    }
    this.lastChosen = file.id;
    this.chosen.set(chosen);
  }

  protected clearChoice(): void {
    this.chosen.set(new Map());
  }

  protected onKey(event: KeyboardEvent): void {
    if (event.key === 'Escape') this.clearChoice();
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    const links = [...this.scroller().nativeElement.querySelectorAll<HTMLAnchorElement>('a.open')];
    const here = links.indexOf(document.activeElement as HTMLAnchorElement);
    if (!step || here < 0) return;
    links[here + step]?.focus();
    event.preventDefault();
  }

  protected forgetSearch(): void {
    void this.router.navigate(['/']);
  }

  private begin(destroyed: DestroyRef): void {
    const element = this.scroller().nativeElement;
    const measure = (): void => {
      const style = getComputedStyle(element);
      const width = element.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight);
      this.size.set({ width, height: element.clientHeight });
    };
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    destroyed.onDestroy(() => observer.disconnect());
    measure();
    const before = this.album.scrollTop;
    if (before) setTimeout(() => element.scrollTo({ top: before }));
  }

  private remember(top: number): void {
    const { shelves, stack } = this.shelves();
    const place = at(stack.tops, top);
    const shelf = shelves[place];
    this.anchor = shelf ? { key: shelf.section.key, offset: top - stack.tops[place]! } : null;
  }

  private hold(keys: string[]): void {
    const anchor = this.anchor;
    if (!anchor || this.scrollTop() === 0) return;
    const place = keys.indexOf(anchor.key);
    if (place < 0) return;
    const top = this.shelves().stack.tops[place]! + anchor.offset;
    if (Math.abs(top - this.scroller().nativeElement.scrollTop) < 1) return;
    // Drawn first: the page must be as long as the place that it is scrolled to.
    requestAnimationFrame(() => this.scroller().nativeElement.scrollTo({ top }));
  }
}
