import { Injectable, signal } from '@angular/core';

const KEPT = 'weft.token';

/** The bearer token with which the reader is known to a closed network. Kept until the browser is closed. */
@Injectable({ providedIn: 'root' })
export class Access {
  readonly token = signal(sessionStorage.getItem(KEPT) ?? '');
  /** Why nodes did not let the reader in; null while they do. */
  readonly refusal = signal<string | null>(null);

  headers(): Record<string, string> {
    return this.token() ? { Authorization: `Bearer ${this.token()}` } : {};
  }

  enter(token: string): void {
    sessionStorage.setItem(KEPT, token);
    this.token.set(token);
    this.refusal.set(null);
  }
}
