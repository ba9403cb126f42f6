import { execFile } from 'node:child_process';
import { createHash, X509Certificate } from 'node:crypto';
import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { afterEach, describe, expect, test } from 'vitest';
import { makeAuthority } from '../../support/certificate.ts';
import { md4 } from '../../support/exchange-simulator/authentication/md4.ts';
import {
  authenticateMessage,
  type LogOn,
  negotiateMessage,
} from '../../support/exchange-simulator/authentication/ntlm-client.ts';
import { fromFiletime } from '../../support/exchange-simulator/authentication/ntlm-message.ts';
import { provesPassword } from '../../support/exchange-simulator/authentication/ntlm-proof.ts';
import { availabilityRequest, post, texts } from '../../support/exchange-simulator/availability-client.ts';
import {
  type ExchangeSimulator,
  type ExchangeSimulatorOptions,
  startExchangeSimulator,
} from '../../support/exchange-simulator/exchange-simulator.ts';
import { makeTempFolder } from '../../support/temp-folder.ts';

const cleanUps: (() => unknown)[] = [];

afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

async function start(options: ExchangeSimulatorOptions = {}): Promise<ExchangeSimulator> {
  const exchange = await startExchangeSimulator({
    schemas: '',
    authentication: ['negotiate', 'ntlm'],
    account: { username: 'gateway', password: 's3cret' },
    ...options,
  });
  cleanUps.push(() => exchange.stop());
  exchange.calendars.addMailbox('alice@example.test');
  return exchange;
}

/** Runs Debian's curl, which posts a request for free/busy; resolves to the last status and the body. */
async function curl(exchange: ExchangeSimulator, ...options: string[]): Promise<{ status: number; body: string }> {
  const head = ['-sS', '--max-time', '10', '-w', '\n%{http_code}', '-H', 'Content-Type: text/xml; charset=utf-8'];
  const args = [...head, '--data-binary', availabilityRequest(), ...options];
  const output = await new Promise<string>((resolve, reject) => {
    const urls = options.some((option) => option.startsWith('http')) ? [] : [exchange.url];
    execFile('curl', [...args, ...urls], (error, stdout) => (error === null ? resolve(stdout) : reject(error)));
  });
  const at = output.lastIndexOf('\n');
  return { status: Number(output.slice(at + 1)), body: output.slice(0, at) };
}

const withNtlm = (user: string): string[] => ['--ntlm', '-u', user];
const authorizations = (exchange: ExchangeSimulator): string[] =>
  exchange.requests.map(({ authorization }) => authorization);

/** One connection to a simulator, for a client by hand. */
class Connection {
  readonly #url: string;
  readonly #agent: HttpAgent | HttpsAgent;

  constructor({ url }: ExchangeSimulator, ca?: string) {
    this.#url = url;
    const options = { keepAlive: true, maxSockets: 1 };
    this.#agent = ca === undefined ? new HttpAgent(options) : new HttpsAgent({ ...options, ca });
    cleanUps.push(() => this.#agent.destroy());
  }

  async post(authorization?: string): Promise<{ status: number; challenges: readonly string[] }> {
    const headers = { 'content-type': 'text/xml; charset=utf-8', ...(authorization && { authorization }) };
    const send = this.#url.startsWith('https') ? httpsRequest : httpRequest;
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      send(this.#url, { method: 'POST', agent: this.#agent, headers }, resolve)
        .once('error', reject)
        .end(availabilityRequest());
    });
    for await (const _ of response) {
      // The connection is free when the answer is read.
    }
    const challenges = response.rawHeaders.filter(
      (_, index, all) => all[index - 1]?.toLowerCase() === 'www-authenticate',
    );
    return { status: response.statusCode ?? 0, challenges };
  }

  /** Sends the first message; the last one, to be sent, is made by `complete`. */
  async begin(scheme = 'NTLM'): Promise<(logOn: LogOn) => string> {
    const negotiate = negotiateMessage();
    const { challenges } = await this.post(`${scheme} ${negotiate.toString('base64')}`);
    const [word, token] = challenges[0]?.split(' ') ?? [];
    expect(word).toBe(scheme);
    const challenge = Buffer.from(token ?? '', 'base64');
    return (logOn) => `${scheme} ${authenticateMessage(negotiate, challenge, logOn).toString('base64')}`;
  }

  async logOn(logOn: Partial<LogOn> = {}): Promise<number> {
    const complete = await this.begin();
    const { status } = await this.post(complete({ user: 'gateway', password: 's3cret', ...logOn }));
    return status;
  }
}

describe('a log-on by curl', () => {
  test('is asked for by name, and then let in for the rest of its connection', async () => {
    const exchange = await start();
    const { status, body } = await curl(exchange, ...withNtlm('gateway:s3cret'), exchange.url, exchange.url);
    expect(status).toBe(200);
    expect(texts(body, 'ResponseCode')).toEqual(['NoError', 'NoError']);
    expect(authorizations(exchange)).toEqual(['handshake', 'ok', 'ok']);
    await curl(exchange, ...withNtlm('gateway:s3cret'));
    expect(authorizations(exchange).slice(3)).toEqual(['handshake', 'ok']);
  });

  test.each(['EXAMPLE\\gateway', 'Gateway', 'gateway@example.test'])('may call itself %s', async (name) => {
    const exchange = await start();
    expect((await curl(exchange, ...withNtlm(`${name}:s3cret`))).status).toBe(200);
  });

  test.each(['gateway:wrong', 'OTHER\\gateway:s3cret', 'bob:s3cret'])('as %s is refused', async (user) => {
    const exchange = await start();
    expect((await curl(exchange, ...withNtlm(user))).status).toBe(401);
    expect(authorizations(exchange).at(-1)).toBe('wrong');
    expect(exchange.account.badLogons).toBe(user === 'gateway:wrong' ? 1 : 0);
  });

  test('over TLS is let in without a channel binding, unless one is required', async () => {
    const authority = makeAuthority();
    const folder = makeTempFolder();
    cleanUps.push(() => folder.remove());
    const ca = folder.write('ca.pem', authority.ca);
    const tls = authority.issue();
    const allow = await start({ tls, extendedProtection: 'allow' });
    const require = await start({ tls, extendedProtection: 'require' });
    expect((await curl(allow, '--cacert', ca, ...withNtlm('gateway:s3cret'))).status).toBe(200);
    expect((await curl(allow, '--cacert', ca, ...withNtlm('gateway:wrong'))).status).toBe(401);
    expect((await curl(require, '--cacert', ca, ...withNtlm('gateway:s3cret'))).status).toBe(401);
    expect(require.account.badLogons).toBe(0);
  });

  test('with Basic is refused where only NTLM is offered', async () => {
    const exchange = await start();
    expect((await curl(exchange, '--basic', '-u', 'gateway:s3cret')).status).toBe(401);
    expect(exchange.account.badLogons).toBe(0);
  });
});

describe('the account', () => {
  test('is locked by five wrong passwords, for the right one too, until its time is over', async () => {
    let now = Date.now();
    const exchange = await start({ authentication: ['ntlm', 'basic'], now: () => now });
    for (let count = 0; count < 3; count++)
      expect(await new Connection(exchange).logOn({ password: 'wrong' })).toBe(401);
    const wrong = { authorization: `Basic ${Buffer.from('gateway:wrong').toString('base64')}` };
    expect((await post(exchange, undefined, wrong)).status).toBe(401);
    expect(exchange.account.isLocked).toBe(false);
    expect((await post(exchange, undefined, wrong)).status).toBe(401);
    expect(exchange.account.isLocked).toBe(true);
    expect(await new Connection(exchange).logOn()).toBe(401);
    now += 30 * 60_000;
    expect(await new Connection(exchange).logOn()).toBe(200);
    expect(exchange.account.badLogons).toBe(0);
  });

  test('is one for all servers that are given it, and so is its lock', async () => {
    const one = await start({ lockoutThreshold: 2 });
    const other = await start({ account: one.account });
    for (const exchange of [one, other]) await new Connection(exchange).logOn({ password: 'wrong' });
    expect(await new Connection(other).logOn()).toBe(401);
    one.account.unlock();
    expect(await new Connection(other).logOn()).toBe(200);
  });

  test('has its new password at once, while connections that were let in stay so', async () => {
    const exchange = await start();
    const connection = new Connection(exchange);
    expect(await connection.logOn()).toBe(200);
    exchange.account.changePassword('n3w');
    expect((await connection.post()).status).toBe(200);
    expect(await new Connection(exchange).logOn()).toBe(401);
    expect(await new Connection(exchange).logOn({ password: 'n3w' })).toBe(200);
  });

  test('forgets bad log-ons with a good one, and can be told not to lock', async () => {
    const exchange = await start({ lockoutThreshold: 2 });
    for (const password of ['wrong', 's3cret', 'wrong', 's3cret']) await new Connection(exchange).logOn({ password });
    expect(exchange.account.isLocked).toBe(false);
    const patient = await start({ lockoutThreshold: 0 });
    for (let count = 0; count < 6; count++) await new Connection(patient).logOn({ password: 'wrong' });
    expect(await new Connection(patient).logOn()).toBe(200);
  });
});

describe('a connection', () => {
  test('that nothing was said on gets every offer, in their order', async () => {
    const exchange = await start({ authentication: ['negotiate', 'ntlm', 'basic'] });
    const { status, challenges } = await new Connection(exchange).post();
    expect(status).toBe(401);
    expect(challenges).toEqual(['Negotiate', 'NTLM', 'Basic realm="127.0.0.1"']);
  });

  test('can’t be entered with a message that belongs to another, nor with one a second time', async () => {
    const exchange = await start();
    const [one, other] = [new Connection(exchange), new Connection(exchange)];
    const complete = await one.begin();
    await other.begin();
    const message = complete({ user: 'gateway', password: 's3cret' });
    expect((await other.post(message)).status).toBe(401);
    expect((await one.post(message)).status).toBe(200);
    expect((await one.post()).status).toBe(200);
    expect((await one.post(message)).status).toBe(401);
    expect((await one.post()).status).toBe(401);
  });

  test('may carry the same messages as Negotiate', async () => {
    const connection = new Connection(await start());
    const complete = await connection.begin('Negotiate');
    expect((await connection.post(complete({ user: 'gateway', password: 's3cret' }))).status).toBe(200);
  });

  test.each(['NTLM', 'NTLM !', 'NTLM TlRMTVNTUAADAAAA', 'NTLM TlRMTVNTUAABAAAA', 'NTLM AAAAAAAAAAAAAAAAAAAAAA=='])(
    'is refused at nonsense: %s',
    async (nonsense) => {
      const connection = new Connection(await start());
      await connection.begin();
      expect((await connection.post(nonsense)).status).toBe(401);
    },
  );
});

describe('the last message', () => {
  test('is refused in the shape of NTLMv1, which does not count as a wrong password', async () => {
    const exchange = await start();
    expect(await new Connection(exchange).logOn({ version1: true })).toBe(401);
    expect(exchange.account.badLogons).toBe(0);
  });

  test('is refused with a MIC that does not fit', async () => {
    const exchange = await start();
    expect(await new Connection(exchange).logOn({ mic: 'right' })).toBe(200);
    expect(await new Connection(exchange).logOn({ mic: 'wrong' })).toBe(401);
  });

  test('is refused with the channel binding of another certificate, and let in with the right one', async () => {
    const authority = makeAuthority();
    const tls = authority.issue();
    const binding = (certificate: string): Buffer => {
      // Computed apart from the server: the digest of the DER behind its prefix, with its length, after 16 zeros.
      const { raw } = new X509Certificate(certificate);
      const data = Buffer.concat([Buffer.from('tls-server-end-point:'), createHash('sha256').update(raw).digest()]);
      const head = Buffer.alloc(20);
      head.writeUInt32LE(data.length, 16);
      return createHash('md5').update(head).update(data).digest();
    };
    const [right, wrong] = [binding(tls.cert), binding(authority.ca)];
    const statuses = async (extendedProtection: 'none' | 'allow' | 'require'): Promise<readonly number[]> => {
      const exchange = await start({ tls, extendedProtection });
      const connect = (): Connection => new Connection(exchange, authority.ca);
      return [
        await connect().logOn({ channelBinding: right, mic: 'right' }),
        await connect().logOn({ channelBinding: wrong, mic: 'right' }),
        await connect().logOn({ channelBinding: Buffer.alloc(16) }),
        await connect().logOn(),
      ];
    };
    expect(await statuses('require')).toEqual([200, 401, 401, 401]);
    expect(await statuses('allow')).toEqual([200, 401, 200, 200]);
    expect(await statuses('none')).toEqual([200, 200, 200, 200]);
  });
});

describe('the arithmetic', () => {
  test.each([
    ['', '31d6cfe0d16ae931b73c59d7e0c089c0'],
    ['message digest', 'd9130a8164549fe818874806e1c7014b'],
    ['1234567890'.repeat(8), 'e33b4ddc9c38f2199c3e7b164fcc0536'],
  ])('of MD4 agrees with RFC 1320 §A.5 for "%s"', (text, digest) => {
    expect(md4(Buffer.from(text)).toString('hex')).toBe(digest);
  });

  test('of NTLMv2 agrees with [MS-NLMP] §4.2.4', () => {
    const info = '02000c0044006f006d00610069006e0001000c005300650072007600650072000000000000000000';
    const blob = `0101000000000000${'00'.repeat(8)}${'aa'.repeat(8)}00000000${info}`;
    const ntResponse = Buffer.from(`68cd0ab851e51c96aabc927bebef6a1c${blob}`, 'hex');
    const message = {
      ...{ lmResponse: Buffer.alloc(0), encryptedSessionKey: Buffer.alloc(0), flags: 0 },
      ...{ user: 'User', domain: 'Domain', ntResponse },
    };
    const nothing = Buffer.alloc(0);
    const exchanged = { negotiate: nothing, challenge: nothing, authenticate: nothing };
    const proves = (password: string, serverChallenge: string): boolean =>
      provesPassword(
        message,
        { ...exchanged, serverChallenge: Buffer.from(serverChallenge, 'hex') },
        password,
        fromFiletime(0n),
      );
    expect(proves('Password', '0123456789abcdef')).toBe(true);
    expect(proves('password', '0123456789abcdef')).toBe(false);
    expect(proves('Password', '0123456789abcdee')).toBe(false);
  });
});
