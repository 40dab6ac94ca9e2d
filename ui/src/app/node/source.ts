import { DestroyRef, Directive, ElementRef, Injectable, effect, inject, input } from '@angular/core';

import { Access } from './access';
import { Nodes } from './nodes';

/** Gives pictures and films to their elements: by their address, or fetched where nodes must know who asks. */
@Injectable({ providedIn: 'root' })
export class Sources {
  private readonly nodes = inject(Nodes);
  private readonly access = inject(Access);

  /** Show what is at a path; the answer lets go of it. */
  show(element: HTMLImageElement | HTMLVideoElement, path: string): () => void {
    element.crossOrigin = 'anonymous';
    if (!this.access.token()) {
      element.src = this.nodes.link(path);
      return () => undefined;
    }
    let address: string | null = null;
    let isGone = false;
    const release = (): void => {
      isGone = true;
      if (address) URL.revokeObjectURL(address);
    };
    this.fetch(path).then(
      (found) => {
        address = found;
        if (isGone) release();
        else element.src = found;
      },
      () => element.dispatchEvent(new Event('error')),
    );
    return release;
  }

  /** An address within this page for what is at a path. Raises Problem. */
  async fetch(path: string): Promise<string> {
    return URL.createObjectURL(await (await this.nodes.call(path)).blob());
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
