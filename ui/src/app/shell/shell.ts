import { ChangeDetectionStrategy, Component, ElementRef, computed, effect, inject, signal, untracked, viewChild } from '@angular/core';
import { NavigationEnd, Router, RouterLink, RouterLinkActive, RouterOutlet } from '@angular/router';

import { EVERYTHING, readSearch, writeSearch } from '../file/search';
import { Access } from '../node/access';
import { Events } from '../node/events';
import { Nodes } from '../node/nodes';
import { Pin } from '../proof/pin';
import { Audience } from '../upload/audience';
import { Tray } from '../upload/tray';
import { Upload } from '../upload/upload';
import { Gate } from './gate';
import { Icon, IconName } from './icon';
import { momentText } from './words';

const TYPING_MS = 250;

/** What stands around every page: where one can go, the search, uploads, and word of nodes that die. */
@Component({
  selector: 'weft-root',
  imports: [RouterOutlet, RouterLink, RouterLinkActive, Icon, Audience, Tray, Gate],
  templateUrl: './shell.html',
  styleUrl: './shell.css',
  changeDetection: ChangeDetectionStrategy.OnPush,
  host: {
    '(document:dragover)': 'onDrag($event)',
    '(document:dragleave)': 'onLeave($event)',
    '(document:drop)': 'onDrop($event)',
    '(document:keydown)': 'onKey($event)',
  },
})
export class Shell {
  protected readonly nodes = inject(Nodes);
  protected readonly access = inject(Access);
  protected readonly upload = inject(Upload);
  protected readonly pin = inject(Pin);
  protected readonly momentText = momentText;
  private readonly chain = computed(() => this.nodes.current().status?.chain_id);
  private readonly router = inject(Router);
  private readonly field = viewChild.required<ElementRef<HTMLInputElement>>('field');
  protected readonly isDragging = signal(false);
  protected readonly words = signal('');
  private typing: ReturnType<typeof setTimeout> | undefined;

  protected readonly places: { path: string; name: string; icon: IconName }[] = [
    { path: '/', name: 'Photos', icon: 'photos' },
    { path: '/albums', name: 'Albums', icon: 'albums' },
    { path: '/map', name: 'Map', icon: 'map' },
    { path: '/ledger', name: 'Ledger', icon: 'ledger' },
    { path: '/network', name: 'Network', icon: 'network' },
  ];

  constructor() {
    inject(Events);
    effect(() => {
      this.access.turn();
      // A node that does not tell now is asked again by whoever verifies.
      if (this.chain()) untracked(() => void this.pin.look().catch(() => undefined));
    });
    this.router.events.subscribe((event) => {
      if (event instanceof NavigationEnd && !this.typing) {
        this.words.set(readSearch(this.router.parseUrl(event.urlAfterRedirects).queryParams).q);
      }
    });
  }

  protected onType(): void {
    clearTimeout(this.typing);
    this.typing = setTimeout(() => this.search(), TYPING_MS);
  }

  /** Look for the words among what is searched for already. */
  protected search(): void {
    clearTimeout(this.typing);
    this.typing = undefined;
    const here = this.router.parseUrl(this.router.url);
    const isGallery = this.router.url.split('?')[0] === '/';
    const before = isGallery ? readSearch(here.queryParams) : EVERYTHING;
    const q = this.field().nativeElement.value;
    void this.router.navigate(['/'], { queryParams: writeSearch({ ...before, q }), replaceUrl: isGallery });
  }

  /** The reader says that the network at this address is another one now. */
  protected forget(): void {
    void this.pin.forget().catch(() => undefined);
  }

  protected onDrag(event: DragEvent): void {
    if (!event.dataTransfer?.types.includes('Files')) return;
    event.preventDefault();
    this.isDragging.set(true);
  }

  protected onLeave(event: DragEvent): void {
    if (!event.relatedTarget) this.isDragging.set(false);
  }

  protected onDrop(event: DragEvent): void {
    event.preventDefault();
    this.isDragging.set(false);
    if (event.dataTransfer) void this.upload.drop(event.dataTransfer);
  }

  protected onKey(event: KeyboardEvent): void {
    const isWriting = event.target instanceof HTMLElement && /INPUT|TEXTAREA/.test(event.target.tagName);
    if (event.key !== '/' || isWriting || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    this.field().nativeElement.focus();
  }
}
