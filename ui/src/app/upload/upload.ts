import { Injectable, computed, inject, signal } from '@angular/core';

import { Access } from '../node/access';
import { Nodes } from '../node/nodes';
import { Problem } from '../node/problem';
import { newKey } from '../node/wish';
import { Pieces } from './pieces';
import { isTemporary, pause, send } from './wire';

const AT_ONCE = 3;
const TRIES = 4;
/** Larger files go in pieces, which survive a node that dies. */
const WHOLE_BYTES_MAX = 8 << 20;

export interface Item {
  id: number;
  file: File;
  /** Whether its owner alone may see it. */
  isPrivate: boolean;
  state: 'waiting' | 'reading' | 'sending' | 'stored' | 'there' | 'refused';
  sent: number;
  problem: Problem | null;
}

/** Files on their way to the network: a few at a time, each to whichever node answers. */
@Injectable({ providedIn: 'root' })
export class Upload {
  private readonly nodes = inject(Nodes);
  private readonly access = inject(Access);
  private readonly pieces = new Map<number, Pieces>();
  private working = 0;
  private numbers = 0;
  readonly items = signal<Item[]>([]);
  /** Files of which the reader is asked who may see them. */
  readonly asked = signal<File[]>([]);

  readonly bytes = computed(() => sum(this.items(), (item) => item.file.size));
  readonly sent = computed(() => sum(this.items(), (item) => (isOver(item) ? item.file.size : item.sent)));
  readonly done = computed(() => this.items().filter(isOver).length);
  readonly isBusy = computed(() => this.items().some((item) => !isOver(item)));

  /** Let the reader choose files. */
  ask(): void {
    const field = document.createElement('input');
    field.type = 'file';
    field.multiple = true;
    field.onchange = () => this.add([...(field.files ?? [])]);
    field.click();
  }

  /** Take what was dropped, folders with all that is in them. */
  async drop(transfer: DataTransfer): Promise<void> {
    const entries = [...transfer.items].map((item) => item.webkitGetAsEntry());
    const files = [...transfer.files];
    if (entries.some((entry) => entry?.isDirectory)) {
      for (const entry of entries) if (entry) this.add(await filesOf(entry));
    } else {
      this.add(files);
    }
  }

  /** Where everybody is the same account, as on an open network, nothing is private and nothing asked. */
  add(files: File[]): void {
    const kept = files.filter((file) => !file.name.startsWith('.'));
    if (this.access.isKnownTo(this.nodes.base())) this.asked.update((asked) => [...asked, ...kept]);
    else this.queue(kept, false);
  }

  /** The reader says who may see the files; null: they are not to be added. */
  begin(audience: 'everyone' | 'me' | null): void {
    const files = this.asked();
    this.asked.set([]);
    if (audience) this.queue(files, audience === 'me');
  }

  private queue(files: File[], isPrivate: boolean): void {
    const added = files.map<Item>((file) => ({ id: this.numbers++, file, isPrivate, state: 'waiting', sent: 0, problem: null }));
    this.items.update((items) => [...items.filter((item) => this.isBusy() || !isOver(item)), ...added]);
    while (this.working < AT_ONCE && this.working < this.items().length) void this.work();
  }

  repeat(): void {
    this.items.update((items) =>
      items.map((item) => (item.state === 'refused' ? { ...item, state: 'waiting', sent: 0, problem: null } : item)),
    );
    void this.work();
  }

  clear(): void {
    this.pieces.clear();
    this.items.set([]);
  }

  private async work(): Promise<void> {
    this.working++;
    for (let item = this.next(); item; item = this.next()) await this.send(item);
    this.working--;
  }

  private next(): Item | undefined {
    return this.items().find((item) => item.state === 'waiting');
  }

  private async send(item: Item): Promise<void> {
    const isLarge = item.file.size > WHOLE_BYTES_MAX;
    this.change(item, { state: isLarge ? 'reading' : 'sending' });
    try {
      const state = isLarge ? await this.piecesOf(item).bring() : await this.sendWhole(item);
      this.pieces.delete(item.id);
      this.change(item, { state });
    } catch (error) {
      this.change(item, { state: 'refused', problem: Problem.from(error) });
    }
  }

  /** What is known of a file that was begun is kept until it is there. */
  private piecesOf(item: Item): Pieces {
    const tell = (sent: number): void => this.change(item, { state: 'sending', sent });
    const found = this.pieces.get(item.id) ?? new Pieces(item.file, item.isPrivate, this.nodes, this.access, tell);
    this.pieces.set(item.id, found);
    return found;
  }

  private async sendWhole(item: Item): Promise<'stored' | 'there'> {
    const form = new FormData();
    form.append('file', item.file, item.file.name);
    if (item.isPrivate) form.append('readers', '[]');
    const tell = (sent: number): void => this.change(item, { sent: Math.min(sent, item.file.size) });
    // The same wish, whichever node hears it and however often.
    const key = newKey();
    for (let tries = 1; ; tries++) {
      const base = this.nodes.base();
      const headers = { ...this.access.headers(base), 'Idempotency-Key': key };
      const answer = await send('POST', `${base}/v1/files`, form, headers, tell);
      if (answer.status === 200) return 'there';
      if (answer.status === 201) return 'stored';
      if (answer.status === 0) this.nodes.lose(base);
      if (!isTemporary(answer.status) || tries === TRIES) {
        throw answer.status ? Problem.read(answer.status, '', answer.text) : Problem.noNode();
      }
      this.change(item, { sent: 0 });
      await pause(500 * tries);
    }
  }

  private change(item: Item, facts: Partial<Item>): void {
    this.items.update((items) => items.map((one) => (one.id === item.id ? { ...one, ...facts } : one)));
  }
}

function isOver(item: Item): boolean {
  return item.state === 'stored' || item.state === 'there' || item.state === 'refused';
}

function sum(items: Item[], of: (item: Item) => number): number {
  return items.reduce((total, item) => total + of(item), 0);
}

/** All files in a folder and its folders. */
async function filesOf(entry: FileSystemEntry): Promise<File[]> {
  if (entry.isFile) {
    return [await new Promise<File>((resolve, reject) => (entry as FileSystemFileEntry).file(resolve, reject))];
  }
  const reader = (entry as FileSystemDirectoryEntry).createReader();
  const found: File[] = [];
  for (;;) {
    const some = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject));
    if (!some.length) return found;
    for (const one of some) found.push(...(await filesOf(one)));
  }
}
