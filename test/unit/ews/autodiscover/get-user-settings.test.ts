import { setImmediate as nextTurn } from 'node:timers/promises';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { getUserSettings } from '../../../../adapters/ews/autodiscover/get-user-settings.ts';
import { loadEwsLibrary } from '../../../../adapters/ews/ews-library.ts';
import { systemClock } from '../../../../adapters/runtime/system-clock.ts';
import { openTransport, serve } from '../http/local-server.ts';

const NAMESPACE = 'http://schemas.microsoft.com/exchange/2010/Autodiscover';
const VERSION =
  `<h:ServerVersionInfo xmlns:h="${NAMESPACE}"><h:MajorVersion>15</h:MajorVersion><h:MinorVersion>2</h:MinorVersion>` +
  '<h:MajorBuildNumber>1</h:MajorBuildNumber><h:MinorBuildNumber>1</h:MinorBuildNumber></h:ServerVersionInfo>';

function user(settings: Readonly<Record<string, string>>, code = 'NoError', target?: string): string {
  const written = Object.entries(settings).map(
    ([name, value]) => `<UserSetting i:type="StringSetting"><Name>${name}</Name><Value>${value}</Value></UserSetting>`,
  );
  const redirect =
    target === undefined ? '<RedirectTarget i:nil="true"/>' : `<RedirectTarget>${target}</RedirectTarget>`;
  return (
    `<UserResponse><ErrorCode>${code}</ErrorCode><ErrorMessage>About alice</ErrorMessage>${redirect}` +
    `<UserSettingErrors/><UserSettings>${written.join('')}</UserSettings></UserResponse>`
  );
}

function envelope(users: string, { code = 'NoError', header = VERSION, prefix = 's' } = {}): string {
  const [p, xmlns] = prefix === '' ? ['', 'xmlns'] : [`${prefix}:`, `xmlns:${prefix}`];
  return (
    `<${p}Envelope ${xmlns}="http://schemas.xmlsoap.org/soap/envelope/"><${p}Header>${header}</${p}Header><${p}Body>` +
    `<GetUserSettingsResponseMessage xmlns="${NAMESPACE}"><Response xmlns:i="http://www.w3.org/2001/XMLSchema-instance">` +
    `<ErrorCode>${code}</ErrorCode><ErrorMessage/><UserResponses>${users}</UserResponses></Response>` +
    `</GetUserSettingsResponseMessage></${p}Body></${p}Envelope>`
  );
}

type Answer = { readonly status?: number; readonly headers?: Readonly<Record<string, string>>; readonly body: string };

async function ask(
  { status = 200, headers = {}, body }: Answer,
  addresses: readonly string[] = ['alice@example.test'],
) {
  const requests: string[] = [];
  const { url } = await serve((request, response) => {
    let text = '';
    request.on('data', (chunk: Buffer) => {
      text += chunk.toString();
    });
    request.on('end', () => {
      requests.push(text);
      response.writeHead(status, headers).end(body);
    });
  });
  const options = { transport: openTransport(url), clock: systemClock, limit: 30_000 };
  const answers = getUserSettings({ ...options, signal: new AbortController().signal }, addresses);
  return { answers: await answers.catch((error: unknown) => error), requests, url };
}

const url = 'https://mail.example.test/EWS/Exchange.asmx';

// Loading takes a second, and several on a busy machine.
beforeAll(() => loadEwsLibrary(), 60_000);

const rejections: unknown[] = [];
const onRejection = (reason: unknown): void => void rejections.push(reason);
beforeEach(() => void process.on('unhandledRejection', onRejection));
afterEach(async () => {
  for (let turn = 0; turn < 5; turn++) await nextTurn();
  process.off('unhandledRejection', onRejection);
  expect(rejections.splice(0)).toEqual([]);
});

describe('what Autodiscover says of each user', () => {
  test.each(['s', 'soap11', ''])('is read, with the prefix "%s"', async (prefix) => {
    const settings = {
      ExternalEwsUrl: url,
      InternalEwsUrl: 'https://in.test/',
      GroupingInformation: 'G1',
      CasVersion: '15.2',
    };
    const body = envelope(
      [
        user(settings),
        user({ InternalEwsUrl: 'https://in.test/EWS?a=1&amp;b=2' }),
        user({}),
        user({}, 'InvalidUser'),
        user({}, 'RedirectAddress', 'alice@cloud.example.test'),
        user({}, 'RedirectUrl', 'https://other.test/autodiscover.svc'),
        user({}, 'RedirectUrl'),
        user({}, 'ServerBusy'),
        user({}, 'SomethingNew'),
        user({ ExternalEwsUrl: `${url}?${'x'.repeat(2_000)}` }),
      ].join(''),
      { prefix },
    );
    const { answers } = await ask(
      { body },
      Array.from({ length: 10 }, (_each, index) => `u${index}@example.test`),
    );
    expect(answers).toMatchObject([
      { kind: 'found', url, group: 'G1', version: '15.2' },
      { kind: 'found', url: 'https://in.test/EWS?a=1&b=2', group: undefined },
      { kind: 'error', error: { kind: 'malformed' } },
      { kind: 'error', error: { kind: 'mailbox-not-found', code: 'InvalidUser' } },
      { kind: 'redirect-address', address: 'alice@cloud.example.test' },
      { kind: 'redirect-url', url: 'https://other.test/autodiscover.svc' },
      { kind: 'error', error: { kind: 'malformed' } },
      { kind: 'error', error: { kind: 'throttled' } },
      { kind: 'error', error: { kind: 'malformed' } },
      { kind: 'error', error: { kind: 'malformed', code: 'INCOMPLETE' } },
    ]);
  });

  test('is asked for all of them in one request, whatever is in their addresses', async () => {
    const addresses = ["o'hara&sons@example.test", 'bob@example.test'];
    const { requests } = await ask({ body: envelope(user({ ExternalEwsUrl: url }).repeat(2)) }, addresses);
    expect(requests).toHaveLength(1);
    expect(requests[0]?.match(/<a:Mailbox>/g)).toHaveLength(2);
    expect(requests[0]).toContain("o'hara&#38;sons@example.test");
    for (const setting of ['ExternalEwsUrl', 'InternalEwsUrl', 'GroupingInformation', 'CasVersion']) {
      expect(requests[0]).toContain(`<a:Setting>${setting}</a:Setting>`);
    }
  });

  test('is read without the version of the server, too', async () => {
    const { answers } = await ask({ body: envelope(user({ ExternalEwsUrl: url }), { header: '' }) });
    expect(answers).toMatchObject([{ kind: 'found', url }]);
  });
});

describe('an answer that is none', () => {
  test.each<readonly [string, Answer, object]>([
    [
      'an error for the whole',
      { body: envelope('', { code: 'ServerBusy' }) },
      { kind: 'throttled', code: 'ServerBusy' },
    ],
    [
      'another error',
      { body: envelope('', { code: 'InvalidRequest' }) },
      { kind: 'malformed', code: 'InvalidRequest' },
    ],
    ['no code', { body: envelope('', { code: '' }) }, { kind: 'malformed' }],
    ['too few users', { body: envelope('') }, { kind: 'malformed' }],
    ['too many', { body: envelope(user({}).repeat(2)) }, { kind: 'malformed' }],
    ['a refused password', { status: 401, body: '' }, { kind: 'unauthorized' }],
    ['nothing, with HTTP 500', { status: 500, body: '' }, { kind: 'malformed' }],
    ['a page', { body: '<html><br></html>' }, { kind: 'malformed' }],
    ['half an answer', { body: envelope(user({})).slice(0, 400) }, { kind: 'malformed' }],
    [
      'more than the library is to read in one go',
      { body: envelope(user({ ExternalEwsUrl: url }) + ' '.repeat(1024 * 1024)) },
      { kind: 'malformed', code: 'ANSWER_TOO_LARGE' },
    ],
    ['HTTP 503', { status: 503, body: '' }, { kind: 'throttled' }],
  ])('%s ends in an error of ours', async (_what, answer, expected) => {
    const { answers } = await ask(answer);
    expect(answers).toMatchObject({ name: 'CalendarSourceError', ...expected });
    expect((answers as Error).message).not.toContain('alice');
  });

  test('but a redirect stands for all users', async () => {
    const location = 'https://other.test/autodiscover/autodiscover.xml';
    const { answers } = await ask({ status: 302, headers: { location }, body: '' }, ['a@b.test', 'c@b.test']);
    expect(answers).toEqual([
      { kind: 'redirect-url', url: location },
      { kind: 'redirect-url', url: location },
    ]);
  });
});
