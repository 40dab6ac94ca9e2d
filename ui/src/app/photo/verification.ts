import { ChangeDetectionStrategy, Component, computed, effect, inject, input, signal } from '@angular/core';

import { WeftFile } from '../file/file';
import { Nodes } from '../node/nodes';
import { Problem } from '../node/problem';
import { fromBase64, hex } from '../proof/canonical';
import { sha256Of } from '../proof/digest';
import { readGenesis } from '../proof/genesis';
import { Pin } from '../proof/pin';
import { Step, StepName, verifyFile } from '../proof/verify';
import { Icon } from '../shell/icon';
import { countText, momentText } from '../shell/words';

const MEANINGS: Record<StepName, string> = {
  content: 'The bytes that this node sends are the ones that were put on the ledger',
  commitment: 'Their digest and a salt give the commitment that this file was made with',
  transaction: 'The transaction is of this chain and signed by its account',
  receipt: 'It was executed',
  block: 'It stands in this block, at this place',
  chain: 'Every header names the one before, up to the one that was signed',
  signatures: 'Members that weigh a quorum signed it',
  committee: 'They are the members of the genesis that this browser saw first',
  nodes: 'The other nodes name the same genesis',
};

/** Follows the proof of a file in this browser, trusting no node, and shows every step. */
@Component({
  selector: 'weft-verification',
  imports: [Icon],
  templateUrl: './verification.html',
  styleUrl: './verification.css',
  changeDetection: ChangeDetectionStrategy.OnPush,
})
export class Verification {
  readonly file = input.required<WeftFile>();
  private readonly nodes = inject(Nodes);
  private readonly pin = inject(Pin);
  protected readonly steps = signal<Step[]>([]);
  protected readonly problem = signal<Problem | null>(null);
  protected readonly isBusy = signal(false);
  protected readonly since = signal('');
  /** Whether no node knows the genesis that is pinned here. */
  protected readonly isForeign = signal(false);
  protected readonly meanings = MEANINGS;
  protected readonly countText = countText;

  protected readonly state = computed(() => {
    if (this.isBusy() || (!this.steps().length && !this.problem())) return 'open';
    return !this.problem() && this.steps().every((step) => step.holds) ? 'good' : 'bad';
  });
  protected readonly failed = computed(() => this.steps().filter((step) => !step.holds).length);

  constructor() {
    effect(() => {
      this.file().id;
      this.steps.set([]);
      this.problem.set(null);
    });
  }

  protected async check(): Promise<void> {
    const file = this.file();
    this.isBusy.set(true);
    this.problem.set(null);
    try {
      const steps = await this.follow(file);
      if (file.id === this.file().id) this.steps.set(steps);
    } catch (error) {
      this.steps.set([]);
      this.problem.set(Problem.from(error));
    } finally {
      this.isBusy.set(false);
    }
  }

  /** The reader says that the network is another one. */
  protected async forget(): Promise<void> {
    await this.pin.forget();
    await this.check();
  }

  private async follow(file: WeftFile): Promise<Step[]> {
    const pinned = await this.pin.get();
    this.since.set(momentText(pinned.since));
    const genesis = await readGenesis(fromBase64(pinned.encoded));
    const { encoded } = await this.nodes.json<{ encoded: string }>(`/v1/files/${file.id}/proof`);
    const content = await this.readContent(file);
    const digest = content instanceof Problem ? new Uint8Array() : content;
    const steps = await verifyFile(genesis, file.id, digest, fromBase64(encoded));
    if (content instanceof Problem) {
      const detail = `There are no sound bytes to be had: ${content.detail}. ${content.fix}`;
      steps[0] = { name: 'content', holds: false, detail };
    } else if (hex(digest) !== file.sha256) {
      steps[0] = { ...steps[0]!, holds: false };
    }
    const { same, other, silent } = await this.pin.compare();
    this.isForeign.set(same.length === 0 && other.length > 0);
    const detail = other.length
      ? `${other.join(', ')} ${other.length === 1 ? 'names' : 'name'} another one`
      : `${same.join(', ')} ${same.length === 1 ? 'agrees' : 'agree'}${silent.length ? `; ${silent.join(', ')} did not say` : ''}`;
    return [...steps, { name: 'nodes', holds: other.length === 0 && same.length > 0, detail }];
  }

  /** The digest of what the node sends now, not of what the browser kept. */
  private async readContent(file: WeftFile): Promise<Uint8Array | Problem> {
    try {
      return await sha256Of(await this.nodes.call(`/v1/files/${file.id}/content`, { cache: 'no-store' }));
    } catch (error) {
      return Problem.from(error);
    }
  }
}
