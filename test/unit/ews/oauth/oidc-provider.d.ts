// What the tests use of oidc-provider, which brings no types.
declare module 'oidc-provider' {
  import type { RequestListener } from 'node:http';

  export class Provider {
    constructor(issuer: string, configuration: Readonly<Record<string, unknown>>);
    readonly ClientCredentials: { find(token: string): Promise<{ clientId: string; scope: string } | undefined> };
    callback(): RequestListener;
    on(event: string, listener: (...words: unknown[]) => void): this;
  }
}
