import { ChangeDetectionStrategy, Component, DestroyRef, computed, inject, signal } from '@angular/core';

import { momentText, countText, numberText, short } from '../shell/words';
import { Blocks } from './blocks';
import { Graph, Vertex } from './entry';

const ROUNDS = 50;
const AGAIN_MS = 700;
const STEP = 22;
const LANE = 46;
const LEFT = 12;

interface Dot extends Vertex {
  key: string;
  x: number;
  y: number;
}

/** The graph of the newest rounds, live: a lane a validator, a dot a vertex, a line from each to what it names. */
@Component({
  selector: 'weft-graph',
  templateUrl: './graph.html',
  styleUrl: './graph.css',
  changeDetection: ChangeDetectionStrategy.OnPush,
})
export class GraphDrawing {
  private readonly blocks = inject(Blocks);
  private readonly graph = signal<Graph>({ members: [], vertices: [] });
  protected readonly pointed = signal<Dot | null>(null);
  protected readonly lanes = computed(() =>
    this.graph().members.map((member, place) => ({ ...member, y: LANE / 2 + place * LANE })),
  );
  protected readonly height = computed(() => Math.max(1, this.lanes().length) * LANE);
  protected readonly width = LEFT * 2 + ROUNDS * STEP;
  protected readonly numberText = numberText;
  protected readonly countText = countText;

  private readonly newest = computed(() => Math.max(0, ...this.graph().vertices.map((vertex) => vertex.round)));

  protected readonly dots = computed<Dot[]>(() =>
    this.graph().vertices.map((vertex) => ({
      ...vertex,
      key: vertex.digest,
      x: this.xOf(vertex.round),
      y: LANE / 2 + vertex.author * LANE,
    })),
  );

  /** All lines of the graph as one shape. */
  protected readonly lines = computed(() => {
    const oldest = Math.min(...this.graph().vertices.map((vertex) => vertex.round));
    return this.dots()
      .flatMap((dot) =>
        dot.parents
          .filter(([, round]) => round >= oldest)
          .map(([author, round]) => `M${dot.x} ${dot.y}L${this.xOf(round)} ${LANE / 2 + author * LANE}`),
      )
      .join('');
  });

  protected readonly summary = computed(() => {
    const { vertices, members } = this.graph();
    const open = vertices.filter((vertex) => !vertex.ordered).length;
    return `Round ${numberText(this.newest())}: ${countText(vertices.length, 'vertex', 'vertices')} of ${members.length} validators, ${numberText(open)} not ordered yet`;
  });

  constructor() {
    const timer = setInterval(() => document.visibilityState === 'visible' && void this.load(), AGAIN_MS);
    inject(DestroyRef).onDestroy(() => clearInterval(timer));
    void this.load();
  }

  protected wordsOf(dot: Dot): string {
    const member = this.graph().members[dot.author]?.name ?? dot.author;
    const state = dot.ordered ? 'ordered' : 'not ordered yet';
    return `${member}, round ${numberText(dot.round)}: ${countText(dot.transactions, 'transaction')}, ${state}, ${momentText(dot.timestamp)}, ${short(dot.digest)}…`;
  }

  private xOf(round: number): number {
    return this.width - LEFT - (this.newest() - round) * STEP;
  }

  private async load(): Promise<void> {
    // One look that fails is followed by the next; the shell says when no node answers.
    const graph = await this.blocks.graph(ROUNDS).catch(() => null);
    if (graph && JSON.stringify(graph) !== JSON.stringify(this.graph())) this.graph.set(graph);
  }
}
