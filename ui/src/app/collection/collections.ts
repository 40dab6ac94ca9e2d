import { Injectable, effect, inject, signal } from '@angular/core';

import { WeftFile } from '../file/file';
import { Access } from '../node/access';
import { Events } from '../node/events';
import { Nodes } from '../node/nodes';
import { Problem } from '../node/problem';
import { newKey } from '../node/wish';
import { Collection, CollectionPage, byName } from './collection';

const PAGE = 1000;
/** As many files come and go with one transaction. */
const CHANGE_MAX = 500;
const REST_MS = 400;

/** The collections of the network. Every verb that writes raises Problem. */
@Injectable({ providedIn: 'root' })
export class Collections {
  private readonly nodes = inject(Nodes);
  private isWanted = false;
  private rest: ReturnType<typeof setTimeout> | undefined;
  /** All that there are, by name; null until they came. */
  readonly all = signal<Collection[] | null>(null);
  /** Why they did not come. */
  readonly problem = signal<Problem | null>(null);

  constructor() {
    inject(Events).listen((event) => {
      if (event.contract === 'collections' && this.isWanted) this.renewSoon();
    });
    const access = inject(Access);
    effect(() => {
      if (access.turn() && this.isWanted) this.renewSoon();
    });
  }

  /** Have them all from now on, as they change. */
  want(): void {
    if (this.isWanted) return;
    this.isWanted = true;
    void this.renew();
  }

  /** Look again, a moment after the first of a burst of changes. */
  renewSoon(): void {
    this.rest ??= setTimeout(() => {
      this.rest = undefined;
      void this.renew();
    }, REST_MS);
  }

  find(id: string): Collection | undefined {
    return this.all()?.find((one) => one.id === id);
  }

  async create(name: string): Promise<Collection> {
    return this.keep(await this.write('POST', '', { name }));
  }

  async rename(id: string, name: string): Promise<Collection> {
    return this.keep(await this.write('PATCH', `/${id}`, { name }));
  }

  async add(id: string, files: readonly WeftFile[]): Promise<void> {
    await this.change(id, 'add', files);
  }

  async remove(id: string, files: readonly WeftFile[]): Promise<void> {
    await this.change(id, 'remove', files);
  }

  /** Its files stay. */
  async delete(id: string): Promise<void> {
    await this.write('DELETE', `/${id}`);
    this.all.update((all) => all && all.filter((one) => one.id !== id));
  }

  private async change(id: string, what: 'add' | 'remove', files: readonly WeftFile[]): Promise<void> {
    for (let first = 0; first < files.length; first += CHANGE_MAX) {
      const ids = files.slice(first, first + CHANGE_MAX).map((file) => file.id);
      this.keep(await this.write('POST', `/${id}/files`, { [what]: ids }));
    }
  }

  private write(method: string, path: string, body?: object): Promise<Collection> {
    const headers = { 'Content-Type': 'application/json', 'Idempotency-Key': newKey() };
    const init = body ? { method, headers, body: JSON.stringify(body) } : { method, headers };
    return this.nodes.json<Collection>(`/v1/collections${path}`, init);
  }

  /** Show it as it is now, before the ledger tells everybody. */
  private keep(changed: Collection): Collection {
    this.all.update((all) => all && [...all.filter((one) => one.id !== changed.id), changed].sort(byName));
    return changed;
  }

  private async renew(): Promise<void> {
    try {
      const found: Collection[] = [];
      for (let cursor: string | null = ''; cursor !== null; ) {
        const more: string = cursor && `&cursor=${encodeURIComponent(cursor)}`;
        const page: CollectionPage = await this.nodes.json(`/v1/collections?limit=${PAGE}${more}`);
        found.push(...page.items);
        cursor = page.next_cursor;
      }
      this.all.set(found.sort(byName));
      this.problem.set(null);
    } catch (error) {
      this.problem.set(Problem.from(error));
    }
  }
}
