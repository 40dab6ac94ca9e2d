import { Injectable, inject } from '@angular/core';

import { Nodes } from '../node/nodes';
import { newKey } from '../node/wish';
import { FilePage, FileVersion, Patch, Timeline, WeftFile } from './file';

/** The files of the network. Every verb raises Problem. */
@Injectable({ providedIn: 'root' })
export class Files {
  private readonly nodes = inject(Nodes);

  find(query: URLSearchParams): Promise<FilePage> {
    return this.nodes.json<FilePage>(`/v1/files?${query}`);
  }

  timeline(query: URLSearchParams): Promise<Timeline> {
    return this.nodes.json<Timeline>(`/v1/files:timeline?${query}`);
  }

  get(id: string): Promise<WeftFile> {
    return this.nodes.json<WeftFile>(`/v1/files/${id}`);
  }

  async history(id: string): Promise<FileVersion[]> {
    return (await this.nodes.json<{ items: FileVersion[] }>(`/v1/files/${id}/history`)).items;
  }

  /** The pictures that look most like it, the likest first. */
  async alike(id: string): Promise<WeftFile[]> {
    return (await this.nodes.json<{ items: { file: WeftFile }[] }>(`/v1/files/${id}/alike?limit=12`)).items.map(({ file }) => file);
  }

  /** Change what is known of a file, unless somebody else changed it since. */
  change(file: WeftFile, patch: Patch): Promise<WeftFile> {
    return this.nodes.json<WeftFile>(`/v1/files/${file.id}`, {
      method: 'PATCH',
      body: JSON.stringify(patch),
      headers: {
        'Content-Type': 'application/merge-patch+json',
        'If-Match': `"${file.version}"`,
        'Idempotency-Key': newKey(),
      },
    });
  }

  /** Destroy content and metadata on every node. */
  async erase(id: string): Promise<void> {
    await this.nodes.call(`/v1/files/${id}`, {
      method: 'DELETE',
      headers: { 'Idempotency-Key': newKey() },
    });
  }

  /** The path of its thumbnail. */
  thumbnail(file: WeftFile): string {
    return `/v1/files/${file.id}/thumbnail`;
  }

  /** The path of its bytes. */
  content(file: WeftFile): string {
    return `/v1/files/${file.id}/content`;
  }
}
