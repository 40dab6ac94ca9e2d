import { ChangeDetectionStrategy, Component, DestroyRef, inject, signal } from '@angular/core';
import { Router, RouterLink } from '@angular/router';

import { Events } from '../node/events';
import { Problem } from '../node/problem';
import { Failure } from '../shell/failure';
import { Icon } from '../shell/icon';
import { momentText, numberText, short } from '../shell/words';
import { Blocks } from './blocks';
import { Header } from './entry';
import { GraphDrawing } from './graph';

const PAGE = 25;
const KEPT = 200;

/** The ledger as it grows: the graph that the order is read from, the blocks, and a search by any name. */
@Component({
  selector: 'weft-ledger',
  imports: [RouterLink, Failure, Icon, GraphDrawing],
  templateUrl: './ledger.html',
  styleUrl: './ledger.css',
  changeDetection: ChangeDetectionStrategy.OnPush,
})
export class Ledger {
  private readonly blocks = inject(Blocks);
  private readonly router = inject(Router);
  protected readonly headers = signal<Header[]>([]);
  protected readonly cursor = signal<string | null>(null);
  protected readonly problem = signal<Problem | null>(null);
  protected readonly answer = signal('');
  protected readonly short = short;
  protected readonly momentText = momentText;
  protected readonly numberText = numberText;

  constructor() {
    void this.load();
    const end = inject(Events).listen((event) => {
      if (event.type !== 'block') return;
      const header = event.data as unknown as Header;
      this.headers.update((all) => (all[0] && all[0].height >= header.height ? all : [header, ...all].slice(0, KEPT)));
    });
    inject(DestroyRef).onDestroy(end);
  }

  protected async load(cursor: string | null = null): Promise<void> {
    try {
      const page = await this.blocks.page(PAGE, cursor);
      this.headers.update((all) => (cursor ? [...all, ...page.items] : page.items));
      this.cursor.set(page.next_cursor);
      this.problem.set(null);
    } catch (error) {
      this.problem.set(Problem.from(error));
    }
  }

  protected async search(event: Event, text: string): Promise<void> {
    event.preventDefault();
    if (!text.trim()) return;
    this.answer.set('Looking…');
    try {
      const place = await this.blocks.find(text);
      if (place) await this.router.navigate(place);
      this.answer.set(place ? '' : `Nothing here is named ${text.trim()}.`);
    } catch (error) {
      const { title, detail, fix } = Problem.from(error);
      this.answer.set(`${title}. ${detail} ${fix}`);
    }
  }
}
