import { Injectable, computed, inject, signal } from '@angular/core';

import { Access } from '../node/access';
import { Nodes } from '../node/nodes';
import { Problem } from '../node/problem';
import { newKey } from '../node/wish';

const AT_ONCE = 3;
const TRIES = 4;

export interface Item {
  id: number;
  file: File;
  state: 'waiting' | 'sending' | 'stored' | 'there' | 'refused';
  sent: number;
  problem: Problem | null;
}

/** Files on their way to the network: a few at a time, each to whichever node answers. */
@Injectable({ providedIn: 'root' })
export class Upload {
  private readonly nodes = inject(Nodes);
  private readonly access = inject(Access);
  private working = 0;
  private numbers = 0;
  readonly items = signal<Item[]>([]);

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

  add(files: File[]): void {
    const kept = files.filter((file) => !file.name.startsWith('.'));
    const added = kept.map<Item>((file) => ({ id: this.numbers++, file, state: 'waiting', sent: 0, problem: null }));
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
    this.change(item, { state: 'sending' });
    // The same wish, whichever node hears it and however often.
    const headers = { ...this.access.headers(), 'Idempotency-Key': newKey() };
    for (let tries = 1; ; tries++) {
      const base = this.nodes.base();
      const answer = await post(`${base}/v1/files`, item.file, headers, (sent) => this.change(item, { sent }));
      if (answer.status === 200 || answer.status === 201) {
        this.change(item, { state: answer.status === 200 ? 'there' : 'stored' });
        return;
      }
      if (answer.status === 0) this.nodes.lose(base);
      const isTemporary = [0, 429, 503, 504].includes(answer.status);
      if (!isTemporary || tries === TRIES) {
        const problem = answer.status ? Problem.read(answer.status, '', answer.text) : Problem.noNode();
        this.change(item, { state: 'refused', problem });
        return;
      }
      this.change(item, { sent: 0 });
      await new Promise((resolve) => setTimeout(resolve, 500 * tries));
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

/** Fetch cannot say how much it has sent; its predecessor can. Status 0: the node does not answer. */
function post(
  url: string,
  file: File,
  headers: Record<string, string>,
  tell: (sent: number) => void,
): Promise<{ status: number; text: string }> {
  return new Promise((resolve) => {
    const request = new XMLHttpRequest();
    const form = new FormData();
    form.append('file', file, file.name);
    request.upload.onprogress = (event) => tell(Math.min(event.loaded, file.size));
    request.onloadend = () => resolve({ status: request.status, text: request.responseText });
    request.open('POST', url);
    for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
    request.send(form);
  });
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
