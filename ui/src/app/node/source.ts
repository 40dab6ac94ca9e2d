import { DestroyRef, Directive, ElementRef, Injectable, effect, inject, input } from '@angular/core';

import { Access } from './access';
import { Nodes } from './nodes';
import { Problem } from './problem';

/** What a page fetches whole, because an element cannot say who asks. */
const FETCHED_BYTES_MAX = 256 << 20;

/** Gives pictures and films to their elements: by their address, or fetched where nodes must know who asks. */
@Injectable({ providedIn: 'root' })
export class Sources {
  private readonly nodes = inject(Nodes);
  private readonly access = inject(Access);

  /** Show what is at a path; the answer lets go of it. */
  show(element: HTMLImageElement | HTMLVideoElement, path: string): () => void {
    element.crossOrigin = 'anonymous';
    if (!this.access.isKnownTo(this.nodes.base())) {
      element.src = this.nodes.link(path);
      return () => undefined;
    }
    const ending = new AbortController();
    this.fetch(path, ending.signal).then(
      (address) => {
        ending.signal.addEventListener('abort', () => URL.revokeObjectURL(address));
        if (ending.signal.aborted) URL.revokeObjectURL(address);
        else element.src = address;
      },
      () => ending.signal.aborted || element.dispatchEvent(new Event('error')),
    );
    return () => ending.abort();
  }

  /** An address within this page for what is at a path. Raises Problem, also for what is larger than a page may hold. */
  async fetch(path: string, signal?: AbortSignal): Promise<string> {
    const answer = await this.nodes.call(path, { signal: signal ?? null });
    const size = Number(answer.headers.get('content-length'));
    if (size > FETCHED_BYTES_MAX) {
      void answer.body?.cancel();
      throw Problem.tooLarge(size);
    }
    return URL.createObjectURL(await answer.blob());
  }
}

/** A picture or film that a node has. */
@Directive({ selector: 'img[weftSource], video[weftSource]' })
export class Source {
  readonly weftSource = input.required<string>();

  constructor() {
    const sources = inject(Sources);
    const element = inject<ElementRef<HTMLImageElement | HTMLVideoElement>>(ElementRef).nativeElement;
    let release = (): void => undefined;
    effect(() => {
      release();
      release = sources.show(element, this.weftSource());
    });
    inject(DestroyRef).onDestroy(() => release());
  }
}
