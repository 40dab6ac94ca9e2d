import { Injectable, computed, inject, signal } from '@angular/core';

import { Facets, WeftFile } from '../file/file';
import { Files } from '../file/files';
import { EVERYTHING, Search, queryOf } from '../file/search';
import { Events } from '../node/events';
import { Problem } from '../node/problem';
import { Section, bound, sectionsOf } from './section';

const PAGE = 500;
const REST_MS = 400;
const FACETS = 'tags,media_type,camera,year';

/** What the gallery shows: the hits of a search by month, kept while other pages are looked at. */
@Injectable({ providedIn: 'root' })
export class Album {
  private readonly files = inject(Files);
  private readonly loading = new Map<string, Promise<void>>();
  private edition = 0;
  private rest: ReturnType<typeof setTimeout> | undefined;

  readonly search = signal<Search>(EVERYTHING);
  readonly sections = signal<Section[]>([]);
  readonly facets = signal<Facets>({});
  readonly problem = signal<Problem | null>(null);
  readonly isReady = signal(false);
  readonly total = computed(() => this.sections().reduce((sum, section) => sum + section.count, 0));
  /** Where the reader was when the gallery was left. */
  scrollTop = 0;

  constructor() {
    inject(Events).listen((event) => {
      const isOurs = event.contract === 'collections' && event.data['id'] === this.search().collection;
      if (event.contract === 'files' || isOurs) this.renewSoon();
    });
  }

  /** Show what a search finds. */
  async show(search: Search): Promise<void> {
    this.search.set(search);
    this.scrollTop = 0;
    await this.renew(false);
  }

  /** Look again, a moment after the last of a burst of changes. */
  renewSoon(): void {
    this.rest ??= setTimeout(() => {
      this.rest = undefined;
      void this.renew(true);
    }, REST_MS);
  }

  /** Have the first `count` photos of a section. */
  async want(key: string, count: number): Promise<void> {
    const section = this.sections().find((one) => one.key === key);
    if (!section || section.cursor === null) return;
    // What is left from before a renewal counts for nothing until it was asked for again.
    if (section.cursor !== undefined && section.items.length >= count) return;
    let work = this.loading.get(key);
    if (!work) {
      const begun = this.load(section).finally(() => this.loading.get(key) === begun && this.loading.delete(key));
      work = begun;
      this.loading.set(key, work);
    }
    await work;
    return this.want(key, count);
  }

  /** The photos before and after one, as far as they are here. */
  neighbours(id: string): [WeftFile | null, WeftFile | null] {
    const items = this.sections().flatMap((section) => section.items);
    const place = items.findIndex((file) => file.id === id);
    return place < 0 ? [null, null] : [items[place - 1] ?? null, items[place + 1] ?? null];
  }

  /** Show a file as it is now, before the ledger tells everybody. */
  replace(file: WeftFile): void {
    this.sections.update((all) =>
      all.map((one) =>
        one.items.some((item) => item.id === file.id)
          ? { ...one, items: one.items.map((item) => (item.id === file.id ? file : item)) }
          : one,
      ),
    );
  }

  private async renew(keepsItems: boolean): Promise<void> {
    const edition = ++this.edition;
    this.loading.clear();
    const query = queryOf(this.search());
    try {
      const timeline = await this.files.timeline(query);
      if (edition !== this.edition) return;
      const before = new Map(keepsItems ? this.sections().map((one) => [one.key, one]) : []);
      this.problem.set(null);
      this.sections.set(sectionsOf(timeline).map((one) => ({ ...one, items: before.get(one.key)?.items ?? [] })));
      this.isReady.set(true);
      query.set('facets', FACETS);
      query.set('limit', '1');
      const { facets } = await this.files.find(query);
      if (edition === this.edition) this.facets.set(facets);
    } catch (error) {
      if (edition === this.edition) this.problem.set(Problem.from(error));
    }
  }

  private async load(section: Section): Promise<void> {
    const edition = this.edition;
    const isFirst = section.cursor === undefined;
    const query = queryOf(this.search());
    query.set('limit', String(PAGE));
    bound(query, section);
    if (section.cursor) query.set('cursor', section.cursor);
    try {
      const page = await this.files.find(query);
      if (edition !== this.edition) return;
      this.change(section.key, (old) => {
        // What was here before a renewal stays until the page that takes its place has come.
        const items = isFirst ? page.items : [...old.items, ...page.items];
        const count = page.next_cursor === null ? items.length : Math.max(old.count, items.length + 1);
        return { ...old, items, count, cursor: page.next_cursor };
      });
    } catch (error) {
      if (edition !== this.edition) return;
      this.problem.set(Problem.from(error));
      this.change(section.key, (old) => ({ ...old, cursor: null, count: old.items.length }));
    }
  }

  private change(key: string, how: (section: Section) => Section): void {
    this.sections.update((all) => all.map((one) => (one.key === key ? how(one) : one)));
  }
}
