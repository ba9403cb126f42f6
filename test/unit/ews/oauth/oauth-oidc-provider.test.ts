import { X509Certificate } from 'node:crypto';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { Provider } from 'oidc-provider';
import { beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { oauthCredentials } from '../../../../adapters/ews/oauth/oauth-credentials.ts';
import { systemClock } from '../../../../adapters/runtime/system-clock.ts';
import { authority, goodServer } from '../http/certificates.ts';
import { openTransport, post, serve } from '../http/local-server.ts';
import { makeClientCertificate } from './client-certificate.ts';

// A real OpenID provider, which is not ours, at an address as Entra has it: <authority>/<tenant>/v2.0.

const scope = 'https://outlook.office365.com/.default';
const tenant = 'example.onmicrosoft.com';
const secret = 'a-secret-that-nobody-may-see';

beforeEach(() => {
  // It warns of keys and a store that are for tests only.
  const warn = vi.spyOn(console, 'warn').mockImplementation(() => {});
  onTestFinished(() => warn.mockRestore());
});

describe('OAuth against oidc-provider', () => {
  test('gets a token with a client secret, and Exchange is shown it', async () => {
    const { url, provider } = await startProvider({ token_endpoint_auth_method: 'client_secret_post' });
    const exchange = await startExchange(provider);
    const credentials = oauthCredentials({ ...application(url), secret });
    const transport = openTransport(exchange.url, { credentials, ca: authority });
    expect((await post(transport)).text).toBe('hello gateway');
    expect((await post(transport)).text).toBe('hello gateway');
    // One token for both requests.
    expect(new Set(exchange.tokens).size).toBe(1);
  });

  test('gets a token with a certificate (private_key_jwt)', async () => {
    const certificate = makeClientCertificate();
    const { url, provider } = await startProvider({
      token_endpoint_auth_method: 'private_key_jwt',
      token_endpoint_auth_signing_alg: 'PS256',
      jwks: { keys: [new X509Certificate(certificate.certificate).publicKey.export({ format: 'jwk' })] },
    });
    const exchange = await startExchange(provider);
    const credentials = oauthCredentials({ ...application(url), certificate });
    const transport = openTransport(exchange.url, { credentials, ca: authority });
    expect((await post(transport)).text).toBe('hello gateway');
  });

  test('is told that another certificate is not the registered one', async () => {
    const registered = makeClientCertificate();
    const { url } = await startProvider({
      token_endpoint_auth_method: 'private_key_jwt',
      token_endpoint_auth_signing_alg: 'PS256',
      jwks: { keys: [new X509Certificate(registered.certificate).publicKey.export({ format: 'jwk' })] },
    });
    const credentials = oauthCredentials({ ...application(url), certificate: makeClientCertificate() });
    await expect(credentials.tryToken(new AbortController().signal)).rejects.toMatchObject({
      kind: 'unauthorized',
      code: 'invalid_client',
    });
  });

  test('is told that the secret is wrong', async () => {
    const { url } = await startProvider({ token_endpoint_auth_method: 'client_secret_post' });
    const credentials = oauthCredentials({ ...application(url), secret: 'another-secret' });
    const tried = credentials.tryToken(new AbortController().signal);
    await expect(tried).rejects.toMatchObject({
      kind: 'unauthorized',
      code: 'invalid_client',
      message: expect.stringMatching(/secret or certificate: check them/),
    });
    await expect(tried).rejects.not.toThrow('another-secret');
  });

  test('can try a token without using it', async () => {
    const { url } = await startProvider({ token_endpoint_auth_method: 'client_secret_post' });
    const credentials = oauthCredentials({ ...application(url), secret });
    expect(await credentials.tryToken(new AbortController().signal)).toMatchObject({
      lifetime: 600_000,
      roles: undefined,
    });
  });
});

function application(url: string) {
  return { tenant, clientId: 'gateway', authority: url, scope, ca: authority, clock: systemClock };
}

async function startProvider(client: Readonly<Record<string, unknown>> & { readonly jwks?: object }) {
  const server = createServer(goodServer);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const path = `/${tenant}/v2.0`;
  const keys = client.jwks === undefined ? { client_secret: secret } : {};
  const provider = new Provider(`${url}${path}`, {
    clients: [
      {
        client_id: 'gateway',
        grant_types: ['client_credentials'],
        response_types: [],
        redirect_uris: [],
        scope,
        ...keys,
        ...client,
      },
    ],
    clientAuthMethods: ['client_secret_post', 'private_key_jwt'],
    features: { clientCredentials: { enabled: true }, devInteractions: { enabled: false } },
    scopes: [scope],
    ttl: { ClientCredentials: 600 },
    cookies: { keys: ['nothing'] },
  });
  const answer = provider.callback();
  server.on('request', (request, response) => {
    // As a framework mounts it.
    const { url: original = '' } = request;
    Object.assign(request, { originalUrl: original, url: original.replace(path, '') });
    answer(request, response);
  });
  return { url, provider };
}

/** Exchange, as far as OAuth goes: it knows the tokens that the provider has given. */
async function startExchange(provider: Provider) {
  const tokens: string[] = [];
  const { url } = await serve((request, response) => {
    const token = request.headers.authorization?.replace('Bearer ', '') ?? '';
    tokens.push(token);
    provider.ClientCredentials.find(token).then(
      (found) =>
        found?.scope === scope
          ? response.end(`hello ${found.clientId}`)
          : response.writeHead(401, { 'www-authenticate': 'Bearer' }).end(),
      () => response.destroy(),
    );
  }, goodServer);
  return { url, tokens };
}
