import { once } from 'node:events';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { inspect } from 'node:util';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { ntlmCredentials } from '../../../../adapters/ews/ntlm/ntlm-credentials.ts';
import { makeAuthority } from '../../../support/certificate.ts';
import { openTransport, post, serve } from '../http/local-server.ts';
import { type ScriptedNtlmOptions, scriptedNtlm } from './ntlm-server.ts';

const credentials = ntlmCredentials('CONTOSO\\svc', 'secret', { channelBinding: true });
const QUESTION = '<question/>';

async function open(options: ScriptedNtlmOptions = {}, connections = 4) {
  const script = scriptedNtlm(options);
  const { url, server } = await serve(script.listener);
  const transport = openTransport(url, { credentials, connections });
  const steps = () => script.seen.map(({ socket, step, body }) => `${socket} ${step} ${body}`.trim());
  return { ...script, transport, server, steps, ask: (signal?: AbortSignal) => post(transport, signal) };
}

describe('the handshake', () => {
  test('takes two requests on one socket, the first without a body; later ones go without a header', async () => {
    const { ask, steps } = await open();
    expect(await ask()).toMatchObject({ status: 200, text: 'welcome' });
    expect(await ask()).toMatchObject({ status: 200, text: 'welcome' });
    expect(steps()).toEqual([`0 negotiate`, `0 authenticate ${QUESTION}`, `0 plain ${QUESTION}`]);
  });

  test('is done on each socket, and requests at once each have their own', async () => {
    const { ask, seen } = await open({}, 3);
    await Promise.all(Array.from({ length: 7 }, () => ask()));
    await ask();
    for (const socket of [0, 1, 2]) {
      const steps = seen.filter((each) => each.socket === socket).map(({ step }) => step);
      expect(steps.slice(0, 2)).toEqual(['negotiate', 'authenticate']);
      expect(new Set(steps.slice(2))).toEqual(new Set(['plain']));
    }
    expect(new Set(seen.map(({ socket }) => socket)).size).toBe(3);
    expect(seen.filter(({ step }) => step !== 'negotiate')).toHaveLength(8);
  });

  test('is done again on the new socket when the server has closed the old one', async () => {
    const { ask, sockets, steps } = await open();
    await ask();
    const closed = once(sockets[0] as object as NodeJS.EventEmitter, 'close');
    sockets[0]?.end();
    await closed;
    expect(await ask()).toMatchObject({ status: 200 });
    expect(steps().slice(2)).toEqual(['1 negotiate', `1 authenticate ${QUESTION}`]);
  });

  test('is done again when the server closes the socket at the moment of use', async () => {
    const { ask, steps } = await open({
      beforeAnswer: ({ socket, step }, request) => socket === 0 && step === 'plain' && request.socket.destroy(),
    });
    await ask();
    expect(await ask()).toMatchObject({ status: 200 });
    expect(steps().slice(2)).toEqual([`0 plain ${QUESTION}`, '1 negotiate', `1 authenticate ${QUESTION}`]);
  });

  test('is done for each request where the server forgets', async () => {
    const { ask, steps } = await open({ remembers: false });
    await ask();
    expect(await ask()).toMatchObject({ status: 200, text: 'welcome' });
    expect(steps().slice(2)).toEqual([`0 plain ${QUESTION}`, '0 negotiate', `0 authenticate ${QUESTION}`]);
  });

  test('goes under Negotiate where NTLM itself is not offered, and remembers that', async () => {
    const { ask, seen, sockets } = await open({ offers: ['Negotiate'] });
    expect(await ask()).toMatchObject({ status: 200 });
    sockets[0]?.destroy();
    await once(sockets[0] as object as NodeJS.EventEmitter, 'close');
    expect(await ask()).toMatchObject({ status: 200 });
    expect(seen.map(({ step, scheme }) => `${step} ${scheme}`)).toEqual([
      'negotiate NTLM',
      'negotiate Negotiate',
      'authenticate Negotiate',
      'negotiate Negotiate',
      'authenticate Negotiate',
    ]);
  });
});

describe('a refusal', () => {
  test('of the password is an answer, 401, costs one log-on, and ends the connection', async () => {
    const { ask, steps } = await open({ accepts: () => false });
    expect(await ask()).toMatchObject({ status: 401, scheme: 'ntlm' });
    expect(steps()).toEqual(['0 negotiate', `0 authenticate ${QUESTION}`]);
    expect(await ask()).toMatchObject({ status: 401 });
    expect(steps().slice(2)).toEqual(['1 negotiate', `1 authenticate ${QUESTION}`]);
  });

  test('may end: the next request can be accepted', async () => {
    let accepts = false;
    const { ask } = await open({ accepts: () => accepts });
    await ask();
    accepts = true;
    expect(await ask()).toMatchObject({ status: 200 });
  });

  test('by a server that offers no NTLM is its 401', async () => {
    const { ask, steps } = await open({ offers: ['Basic realm="Exchange, NTLM only"'] });
    const answer = await ask();
    expect([answer.status, answer.headers.get('www-authenticate')]).toEqual([401, 'Basic realm="Exchange, NTLM only"']);
    expect(steps()).toEqual(['0 negotiate']);
  });

  test('before the handshake, 503 say, is the answer', async () => {
    let busy = true;
    const { ask, steps } = await open({
      beforeAnswer: (_, __, response) => busy && response.writeHead(503, { 'retry-after': '7' }).end('busy'),
    });
    const answer = await ask();
    expect([answer.status, answer.headers.get('retry-after'), answer.text]).toEqual([503, '7', 'busy']);
    busy = false;
    expect(await ask()).toMatchObject({ status: 200 });
    expect(steps()).toEqual(['0 negotiate', '0 negotiate', `0 authenticate ${QUESTION}`]);
  });
});

test('a server that asks nobody who they are gets the request itself after its first answer', async () => {
  const { ask, steps } = await open({ beforeAnswer: ({ body }, _, response) => response.end(`to ${body}`) });
  expect(await ask()).toMatchObject({ status: 200, text: `to ${QUESTION}` });
  await ask();
  expect(steps()).toEqual(['0 negotiate', `0 plain ${QUESTION}`, `0 plain ${QUESTION}`]);
});

describe('a handshake that fails', () => {
  test.each<[string, ScriptedNtlmOptions['beforeAnswer']]>([
    ['closes after each answer', (_, __, response) => response.setHeader('connection', 'close')],
    [
      'speaks HTTP/1.0',
      ({ step }, request) => {
        if (step !== 'negotiate') return;
        request.socket.end('HTTP/1.0 401 No\r\nWWW-Authenticate: NTLM TlRMTVNTUAACAAAA\r\nContent-Length: 0\r\n\r\n');
      },
    ],
  ])('names a server that %s, and sends no password proof elsewhere', async (_, beforeAnswer) => {
    const { ask, seen } = await open({ ...(beforeAnswer !== undefined && { beforeAnswer }) });
    await expect(ask()).rejects.toMatchObject({
      // Three of `unauthorized` would close the account until a restart.
      kind: 'unreachable',
      code: 'NTLM_CONNECTION_CLOSED',
      message: expect.stringContaining('proxy'),
    });
    expect(seen.map(({ step }) => step)).toEqual(['negotiate']);
  });

  test('by a damaged challenge says so, and the next request starts anew', async () => {
    let damaged = true;
    const { ask } = await open({
      beforeAnswer: ({ step }, _, response) => {
        if (!damaged || step !== 'negotiate') return;
        response.writeHead(401, { 'www-authenticate': 'NTLM TlRMTVNTUAACAAAA' }).end();
      },
    });
    await expect(ask()).rejects.toMatchObject({ kind: 'malformed', code: 'NTLM_CHALLENGE' });
    damaged = false;
    expect(await ask()).toMatchObject({ status: 200 });
  });

  test('by a refusal that stops half-way is given up after 15 s', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    onTestFinished(() => {
      vi.useRealTimers();
    });
    const { ask, seen } = await open({
      beforeAnswer: (_, __, response) => {
        response.writeHead(401, { 'www-authenticate': 'NTLM TlRMTVNTUAACAAAA' }).write('<html>');
        return new Promise(() => {});
      },
    });
    let failure: unknown;
    void ask().catch((reason: unknown) => {
      failure = reason;
    });
    await expect.poll(() => seen.length).toBe(1);
    // Second by second: the 15 begin when the answer does.
    const later = () => vi.advanceTimersByTimeAsync(1_000).then(() => failure);
    await expect.poll(later, { interval: 10, timeout: 4_000 }).toMatchObject({
      kind: 'unreachable',
      code: 'TIMEOUT',
      message: expect.stringContaining('handshake'),
    });
  });

  test('by a refusal without end is cut off', async () => {
    const { ask } = await open({
      beforeAnswer: async (_, __, response) => {
        response.writeHead(401, { 'www-authenticate': 'NTLM TlRMTVNTUAACAAAA' });
        const page = Buffer.alloc(64 * 1024, 0x20);
        const pages = Readable.from(
          (function* () {
            while (true) yield page;
          })(),
        );
        await pipeline(pages, response).catch(() => {});
      },
    });
    await expect(ask()).rejects.toMatchObject({ kind: 'malformed', message: expect.stringContaining('longer') });
  });
});

describe('connections', () => {
  test('an answer that is still coming keeps its connection; the next request takes another, or waits', async () => {
    let finish = () => {};
    const { transport, ask, seen } = await open(
      {
        answer: (_, response) => {
          response.write('slowly');
          finish = () => response.end();
        },
      },
      1,
    );
    const first = new Promise<void>((resolve) => {
      void transport.post({ body: QUESTION, signal: new AbortController().signal }, () => resolve());
    });
    await first;
    const second = ask();
    const aborted = new AbortController();
    const third = ask(aborted.signal);
    aborted.abort(new Error('enough'));
    await expect(third).rejects.toThrow('enough');
    expect(seen).toHaveLength(2);
    finish();
    await expect.poll(() => seen.length).toBe(3);
    finish();
    expect(await second).toMatchObject({ text: 'slowly' });
  });

  test('those who wait are served in turn', async () => {
    const order: number[] = [];
    const { ask, sockets } = await open({}, 1);
    await Promise.all(Array.from({ length: 5 }, (_, index) => ask().then(() => order.push(index))));
    expect(order).toEqual([0, 1, 2, 3, 4]);
    expect(sockets).toHaveLength(1);
  });

  test('a request that is aborted gives its connection back', async () => {
    let hang = true;
    const { ask } = await open(
      { beforeAnswer: ({ step }) => hang && step === 'authenticate' && new Promise(() => {}) },
      1,
    );
    const aborted = new AbortController();
    const first = ask(aborted.signal);
    setTimeout(() => aborted.abort(new Error('enough')), 50);
    await expect(first).rejects.toThrow('enough');
    hang = false;
    expect(await ask()).toMatchObject({ status: 200 });
  });

  test('closing ends what is under way and what waits', async () => {
    const { transport, ask, seen } = await open({ beforeAnswer: () => new Promise(() => {}) }, 1);
    const ended = Promise.allSettled([ask(), ask(), ask()]);
    await expect.poll(() => seen.length).toBe(1);
    await transport.close();
    for (const result of await ended) {
      const reason = { kind: 'unreachable', message: expect.stringContaining('was closed') };
      expect(result).toMatchObject({ status: 'rejected', reason });
    }
    await expect(ask()).rejects.toMatchObject({ kind: 'unreachable' });
  });
});

test('undici makes the connections itself where it is given options for them', async () => {
  const authority = makeAuthority();
  const { listener } = scriptedNtlm();
  const { url } = await serve(listener, authority.issue());
  const connections = credentials.open(new URL(url).origin, { connect: { ca: authority.ca } });
  onTestFinished(() => connections.destroy(new Error('the test is over')));
  const response = await connections.request({
    path: '/',
    headers: {},
    body: QUESTION,
    signal: new AbortController().signal,
  });
  expect([response.statusCode, await response.body.text()]).toEqual([200, 'welcome']);
});

test('neither the password nor its hash shows', async () => {
  const connections = credentials.open('https://localhost:1', { connections: 1 });
  onTestFinished(() => connections.destroy(new Error('the test is over')));
  const shown = inspect([credentials, connections], { depth: 20, showHidden: true, getters: true });
  expect(shown).not.toContain('secret');
  expect(shown).not.toMatch(/responseKey/i);
});
