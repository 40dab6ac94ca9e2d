import { Injectable, signal } from '@angular/core';

const KEPT = 'weft.tokens';

/**
 * The bearer tokens with which the reader is known to a closed network's nodes, by where those are called. Each is sent
 * to its own node only: others do not know it, and need not learn it. Kept as long as this tab.
 */
@Injectable({ providedIn: 'root' })
export class Access {
  private readonly tokens = signal(JSON.parse(sessionStorage.getItem(KEPT) ?? '{}') as Record<string, string>);
  /** Who did not let the reader in; null while nobody does that. */
  readonly refusedBy = signal<string | null>(null);
  /** Grows whenever the reader comes in: what is shown is asked for anew. */
  readonly turn = signal(0);

  isKnownTo(base: string): boolean {
    return base in this.tokens();
  }

  headers(base: string): Record<string, string> {
    const token = this.tokens()[base];
    return token ? { Authorization: `Bearer ${token}` } : {};
  }

  /** A node refused a request. What was asked before the reader came in counts for nothing. */
  refuse(base: string, headers: Record<string, string>): void {
    if (headers['Authorization'] === this.headers(base)['Authorization']) this.refusedBy.set(base);
  }

  enter(base: string, token: string): void {
    this.tokens.update((tokens) => ({ ...tokens, [base]: token }));
    sessionStorage.setItem(KEPT, JSON.stringify(this.tokens()));
    this.comeIn();
  }

  /** A node lets the reader in again. */
  comeIn(): void {
    this.refusedBy.set(null);
    this.turn.update((turn) => turn + 1);
  }
}
