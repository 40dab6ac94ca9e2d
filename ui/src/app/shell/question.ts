import { Directive, ElementRef, afterNextRender, signal, viewChild } from '@angular/core';

import { Problem } from '../node/problem';

/** A dialog that is open as soon as it is there, and the work that its answer begins. */
@Directive()
export abstract class Question {
  protected readonly dialog = viewChild.required<ElementRef<HTMLDialogElement>>('dialog');
  protected readonly problem = signal<Problem | null>(null);
  protected readonly isBusy = signal(false);

  constructor() {
    afterNextRender(() => this.dialog().nativeElement.showModal());
  }

  /** Does the work; what goes wrong is shown. */
  protected async work(work: () => Promise<void>): Promise<void> {
    this.isBusy.set(true);
    this.problem.set(null);
    try {
      await work();
    } catch (error) {
      this.problem.set(Problem.from(error));
    } finally {
      this.isBusy.set(false);
    }
  }
}
