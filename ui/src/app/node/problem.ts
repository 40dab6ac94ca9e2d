import { sizeText } from '../shell/words';

/** What a node says is wrong (RFC 9457), or what we say when none answers. */
export class Problem extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    readonly title: string,
    readonly detail: string,
    readonly fix: string,
  ) {
    super(detail || title);
  }

  /** Whether it says that the thing was erased. */
  get isGone(): boolean {
    return this.status === 410;
  }

  /** Whether it says that nothing is named so, or that nothing can be. */
  get isUnknown(): boolean {
    return this.status === 404 || this.status === 400;
  }

  static noNode(): Problem {
    return new Problem(
      0,
      'network.down',
      'No node answers',
      'None of the nodes of this network answers from here.',
      'Look whether the nodes run; the page goes on by itself as soon as one does.',
    );
  }

  /** A closed network's page fetches files whole before it shows or saves them. */
  static tooLarge(size: number): Problem {
    return new Problem(
      -1,
      'page.large',
      'Too large for this page',
      `The file has ${sizeText(size)}; of a network that knows its callers a page takes files of up to 256 megabytes.`,
      'Fetch it with weft files get.',
    );
  }

  /** What the nodes say too, before a large file is sent. */
  static seenByOthers(isPrivate: boolean): Problem {
    const [is, wish] = isPrivate ? ['others may see it', 'only you'] : ['not everyone may see it', 'everyone'];
    const detail = `The file is stored already, and ${is}; you asked for ${wish}`;
    return new Problem(409, 'file.readers', 'It is there already', detail, 'Change who sees it with weft files share.');
  }

  /** What an answer that is none of success says. */
  static async of(answer: Response): Promise<Problem> {
    return Problem.read(answer.status, answer.statusText, await answer.text().catch(() => ''));
  }

  static read(status: number, statusText: string, body: string): Problem {
    let said: Partial<Record<'title' | 'detail' | 'code' | 'fix', string>> = {};
    try {
      said = JSON.parse(body) as typeof said;
    } catch {
      // Not every refusal comes from the program itself.
    }
    const title = said.title ?? (statusText || `Status ${status}`);
    return new Problem(status, said.code ?? `http.${status}`, title, said.detail ?? '', said.fix ?? '');
  }

  /** Any error as a problem to show. */
  static from(error: unknown): Problem {
    if (error instanceof Problem) return error;
    const text = error instanceof Error ? error.message : String(error);
    return new Problem(-1, 'page.failed', 'The page failed', text, 'Load the page again; report this if it stays.');
  }
}
