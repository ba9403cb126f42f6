import { generateKeyPairSync, sign } from 'node:crypto';
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { AccountTurns } from '../../../../adapters/ews/check/account-turns.ts';
import type { CheckFinding } from '../../../../adapters/ews/check/check-finding.ts';
import { checkServer } from '../../../../adapters/ews/check/server-check.ts';
import { loadEwsLibrary } from '../../../../adapters/ews/ews-library.ts';
import { oauthCredentials } from '../../../../adapters/ews/oauth/oauth-credentials.ts';
import { systemClock } from '../../../../adapters/runtime/system-clock.ts';
import { AccountGuard } from '../../../../component/calendar/account-guard.ts';
import { startExchangeSimulator } from '../../../support/exchange-simulator/exchange-simulator.ts';
import { RecordingLogger } from '../../../support/recording-logger.ts';
import { authority, goodServer } from '../http/certificates.ts';
import { serve } from '../http/local-server.ts';

// Loading takes a second, and several on a busy machine.
beforeAll(() => loadEwsLibrary(), 60_000);

const secret = 'hunter2~very.secret';
const issuer = 'https://sts.example/tenant/';
const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });

function jwt(claims: object): string {
  const now = Math.floor(Date.now() / 1_000);
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const common = { iss: issuer, aud: 'https://outlook.office365.com', exp: now + 3_600, nbf: now };
  const text = `${part({ alg: 'RS256', kid: 'one' })}.${part({ ...common, ...claims })}`;
  return `${text}.${sign('sha256', Buffer.from(text), privateKey).toString('base64url')}`;
}

async function check(token: string, status = 200, impersonate = 'alice@example.com') {
  const { server } = await serve((request, response) => {
    const { origin } = new URL(`https://127.0.0.1:${request.socket.localPort}`);
    const isToken = request.method === 'POST';
    // No authority: 404 for whatever it is asked.
    if (status === 404) {
      response.writeHead(404).end();
      return;
    }
    const body = isToken
      ? status === 200
        ? { token_type: 'Bearer', expires_in: 3_600, access_token: token }
        : { error: 'invalid_client', error_codes: [7000222] }
      : {
          issuer: `${origin}/example.test/v2.0`,
          authorization_endpoint: `${origin}/example.test/authorize`,
          token_endpoint: `${origin}/example.test/token`,
          jwks_uri: `${origin}/keys`,
        };
    response.writeHead(isToken ? status : 200, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  }, goodServer);
  const address = server.address() as { port: number };
  const simulator = await startExchangeSimulator({
    authentication: ['bearer'],
    oauth: { issuer, keys: [{ ...publicKey.export({ format: 'jwk' }), kid: 'one' }] },
  });
  onTestFinished(() => simulator.stop());
  simulator.calendars.addMailbox('alice@example.com');
  const credentials = oauthCredentials({
    ...{ tenant: 'example.test', clientId: 'gateway', secret, clock: systemClock, ca: authority },
    authority: `https://127.0.0.1:${address.port}`,
  });
  const findings: CheckFinding[] = [];
  const checking = checkServer({
    ...{ url: simulator.url, credentials, mailbox: 'alice@example.com', impersonate },
    account: new AccountTurns(new AccountGuard(), systemClock),
    ...{ clock: systemClock, logger: new RecordingLogger(), signal: new AbortController().signal },
  });
  for await (const finding of checking) findings.push(finding);
  expect(JSON.stringify(findings)).not.toContain(secret);
  expect(JSON.stringify(findings)).not.toContain(token.slice(-40));
  return {
    requests: simulator.requests,
    host: `127.0.0.1:${address.port}`,
    found: (step: CheckFinding['step']) => findings.find((finding) => finding.step === step),
  };
}

describe('the check of a server with OAuth', () => {
  test('shows whose token it is, for how long and with which roles, and that Exchange takes it', async () => {
    const { found, host } = await check(jwt({ appid: 'gateway', roles: ['full_access_as_app'] }));
    expect(found('http')?.seen).toContain('Bearer');
    expect(found('token')).toMatchObject({ severity: 'ok' });
    expect(found('token')?.seen).toMatch(
      new RegExp(
        `^a token of ${host}, good for 60 minutes \\(until \\d\\d:\\d\\d UTC\\), with the roles full_access_as_app$`,
      ),
    );
    expect(found('authenticate')).toMatchObject({ severity: 'ok', seen: 'the account is accepted (OAuth)' });
    expect(found('free-busy')).toMatchObject({ severity: 'ok' });
  });

  test('names the role that the token lacks', async () => {
    const { found } = await check(jwt({ appid: 'gateway', roles: ['Mail.Read'] }));
    expect(found('token')).toMatchObject({
      severity: 'warning',
      seen: expect.stringContaining('Mail.Read'),
      advice: expect.stringContaining('full_access_as_app'),
    });
    expect(found('authenticate')).toMatchObject({ severity: 'error' });
  });

  test('says nothing of the roles of a token that only its authority can read', async () => {
    const { found } = await check('an-opaque-token-which-is-long-enough-for-the-test');
    expect(found('token')).toMatchObject({ severity: 'ok', seen: expect.not.stringContaining('roles') });
  });

  test('stops when the authority gives none, before Exchange is logged on to', async () => {
    const { found, requests } = await check('none-that-is-long-enough-for-the-test-to-look-for', 401);
    expect(found('token')).toMatchObject({
      severity: 'error',
      seen: expect.stringMatching(/secret has expired.*AADSTS7000222/),
      advice: expect.stringContaining('full_access_as_app'),
    });
    expect(requests.filter(({ authorization }) => authorization !== 'none')).toEqual([]);
  });

  test('advises on the authority, and not on EWS, where that is the wrong address', async () => {
    const { found } = await check('none-that-is-long-enough-for-the-test-to-look-for', 404);
    expect(found('token')).toMatchObject({ severity: 'error', advice: expect.stringContaining('oauth.authority') });
  });

  test('advises on `impersonate` where that mailbox does not exist', async () => {
    const { found } = await check(jwt({ appid: 'gateway', roles: ['full_access_as_app'] }), 200, 'nobody@example.com');
    expect(found('free-busy')).toMatchObject({
      severity: 'error',
      seen: expect.stringContaining('ErrorNonExistentMailbox'),
      advice: expect.stringContaining('impersonate'),
    });
  });
});
