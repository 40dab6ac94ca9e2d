import { WeftFile } from '../file/file';
import { Access } from '../node/access';
import { Nodes } from '../node/nodes';
import { Problem } from '../node/problem';
import { newKey } from '../node/wish';
import { hex } from '../proof/canonical';
import { sha256OfFile } from '../proof/digest';
import { Answer, isTemporary, pause, send } from './wire';

const PIECE_BYTES = 16 << 20;
const TRIES = 5;
const PATIENCE_MS = 4000;
/** How often a node that was lost is asked whether it is back. */
const AGAIN_MS = 2000;
/** It is waited for as long as it took to send what it has, within these. */
const RETURN_MS_MIN = 10_000;
const RETURN_MS_MAX = 120_000;

/** What a node has of a file. */
interface Draft {
  base: string;
  id: string;
  offset: number;
  begunAt: number;
  /** When it did not answer, and when it may be asked again; 0: it answers. */
  lostAt: number;
  askAt: number;
}

interface Shown {
  id: string;
  offset: number;
}

/**
 * One large file on its way in pieces. What a node has said to have is on its disk: when the node dies, the file goes
 * on there as soon as it is back, and begins anew at another if it stays away.
 */
export class Pieces {
  private readonly key = newKey();
  private drafts: Draft[] = [];
  private digest = '';

  constructor(
    private readonly file: File,
    private readonly isPrivate: boolean,
    private readonly nodes: Nodes,
    private readonly access: Access,
    /** Told how many bytes are there, or on their way. */
    private readonly tell: (sent: number) => void,
  ) {}

  /** Until it is stored, or was there already. Raises Problem; asked again, it goes on where it was. */
  async bring(): Promise<'stored' | 'there'> {
    this.digest ||= hex(await sha256OfFile(this.file));
    if (await this.isKnown()) return 'there';
    for (let failures = 0; ; ) {
      try {
        const draft = await this.choose();
        if (draft.offset === this.file.size) return await this.finish(draft);
        await this.add(draft);
        failures = 0;
      } catch (error) {
        failures++;
        const problem = Problem.from(error);
        if (!isTemporary(problem.status) || failures === TRIES) throw problem;
        await pause(500 * failures);
      }
    }
  }

  private async isKnown(): Promise<boolean> {
    const { items } = await this.nodes.json<{ items: Pick<WeftFile, 'readers'>[] }>('/v1/files:known', {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ sha256: [this.digest] }),
    });
    if (items.some(({ readers }) => (readers !== null) !== this.isPrivate)) throw Problem.seenByOthers(this.isPrivate);
    return items.length > 0;
  }

  /** The draft with most of the file whose node answers; a new one when none does and none is worth the wait. */
  private async choose(): Promise<Draft> {
    for (;;) {
      this.drafts.sort((one, other) => other.offset - one.offset);
      for (const draft of this.drafts) if (Date.now() >= draft.askAt && (await this.isThere(draft))) return draft;
      const most = this.drafts[0];
      if (!most?.offset) return this.begin();
      const patience = Math.max(RETURN_MS_MIN, Math.min(most.lostAt - most.begunAt, RETURN_MS_MAX));
      if (Date.now() > most.lostAt + patience) return this.begin();
      await pause(AGAIN_MS / 4);
    }
  }

  /** Ask how much is there. Asking also ends a request that may still hang somewhere. */
  private async isThere(draft: Draft): Promise<boolean> {
    if (!draft.lostAt) return true;
    const signal = AbortSignal.timeout(PATIENCE_MS);
    const headers = this.access.headers(draft.base);
    const answer = await fetch(this.place(draft), { headers, signal }).catch(() => null);
    if (answer?.ok) {
      draft.offset = ((await answer.json()) as Shown).offset;
      draft.lostAt = 0;
      this.tell(draft.offset);
      return true;
    }
    if (answer?.status === 404) this.drafts = this.drafts.filter((one) => one !== draft);
    draft.askAt = Date.now() + AGAIN_MS;
    return false;
  }

  private async begin(): Promise<Draft> {
    const base = this.nodes.base();
    const body = JSON.stringify({ size: this.file.size, sha256: this.digest });
    const said = this.check(base, await this.say('POST', base, '/v1/uploads', body));
    const draft = { base, id: (JSON.parse(said.text) as Shown).id, offset: 0, begunAt: Date.now(), lostAt: 0, askAt: 0 };
    this.drafts.push(draft);
    this.tell(0);
    return draft;
  }

  private async add(draft: Draft): Promise<void> {
    const piece = this.file.slice(draft.offset, draft.offset + PIECE_BYTES);
    const headers = {
      ...this.access.headers(draft.base),
      'Content-Type': 'application/octet-stream',
      'Upload-Offset': String(draft.offset),
    };
    const answer = await send('PATCH', this.place(draft), piece, headers, (sent) => this.tell(draft.offset + sent));
    if (answer.status !== 200) draft.lostAt = Date.now();
    // It has another number of bytes than we thought: it is asked how many.
    if (answer.status === 409 || answer.status === 404) return;
    this.check(draft.base, answer);
    draft.offset += piece.size;
  }

  private async finish(draft: Draft): Promise<'stored' | 'there'> {
    const body = JSON.stringify({ name: this.file.name, readers: this.isPrivate ? [] : null });
    const answer = await this.say('POST', draft.base, `/v1/uploads/${draft.id}/file`, body);
    if (answer.status > 201) draft.lostAt = Date.now();
    this.check(draft.base, answer);
    const others = this.drafts.filter((one) => one !== draft);
    for (const one of others) void fetch(this.place(one), { method: 'DELETE', headers: this.access.headers(one.base) }).catch(() => null);
    return answer.status === 200 ? 'there' : 'stored';
  }

  private say(method: string, base: string, path: string, body: string): Promise<Answer> {
    const headers = { ...this.access.headers(base), 'Content-Type': 'application/json', 'Idempotency-Key': this.key };
    return send(method, base + path, body, headers);
  }

  private check(base: string, answer: Answer): Answer {
    if (answer.status === 0) {
      this.nodes.lose(base);
      throw Problem.noNode();
    }
    if (answer.status > 201) throw Problem.read(answer.status, '', answer.text);
    return answer;
  }

  private place(draft: Draft): string {
    return `${draft.base}/v1/uploads/${draft.id}`;
  }
}
