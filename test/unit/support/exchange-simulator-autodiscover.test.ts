import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { texts } from '../../support/exchange-simulator/availability-client.ts';
import { type ExchangeSimulator, startExchangeSimulator } from '../../support/exchange-simulator/exchange-simulator.ts';
import { SOAP } from '../../support/exchange-simulator/namespaces.ts';
import { Organisation } from '../../support/exchange-simulator/organisation.ts';

const AUTODISCOVER = 'http://schemas.microsoft.com/exchange/2010/Autodiscover';
const ACTION = `${AUTODISCOVER}/Autodiscover/GetUserSettings`;

type Parts = {
  readonly users?: readonly string[];
  readonly settings?: readonly string[];
  readonly version?: string;
  readonly action?: string;
};

function settingsRequest({
  users = ['alice@example.test'],
  settings = ['ExternalEwsUrl'],
  ...parts
}: Parts = {}): string {
  const { version = 'Exchange2013', action = ACTION } = parts;
  const user = (address: string): string => `<a:User><a:Mailbox>${address}</a:Mailbox></a:User>`;
  const setting = (name: string): string => `<a:Setting>${name}</a:Setting>`;
  return (
    `<s:Envelope xmlns:a="${AUTODISCOVER}" xmlns:wsa="http://www.w3.org/2005/08/addressing" xmlns:s="${SOAP}"><s:Header>` +
    `<a:RequestedServerVersion>${version}</a:RequestedServerVersion><wsa:Action>${action}</wsa:Action></s:Header><s:Body>` +
    `<a:GetUserSettingsRequestMessage><a:Request><a:Users>${users.map(user).join('')}</a:Users>` +
    `<a:RequestedSettings>${settings.map(setting).join('')}</a:RequestedSettings></a:Request>` +
    '</a:GetUserSettingsRequestMessage></s:Body></s:Envelope>'
  );
}

let exchange: ExchangeSimulator;

beforeEach(async () => {
  exchange = await startExchangeSimulator({ schemas: '' });
  exchange.calendars.addMailbox('alice@example.test');
});

afterEach(async () => {
  await exchange.stop();
});

async function send(body: string, to = exchange): Promise<Response> {
  return await fetch(to.autodiscoverUrl, {
    method: 'POST',
    body,
    headers: {
      'content-type': 'text/xml; charset=utf-8',
      authorization: `Basic ${Buffer.from('gateway:secret').toString('base64')}`,
    },
    redirect: 'manual',
    signal: AbortSignal.timeout(5_000),
  });
}

async function ask(parts: Parts = {}, to = exchange): Promise<string> {
  const response = await send(settingsRequest(parts), to);
  expect(response.status).toBe(200);
  return await response.text();
}

describe('GetUserSettings', () => {
  test('tells each user’s settings in the order of the request', async () => {
    exchange.calendars.addMailbox('bob@example.test');
    exchange.autodiscover.set('bob@example.test', { settings: { ExternalEwsUrl: 'https://ews.example.test/x' } });
    const users = ['bob@example.test', 'Alice@Example.TEST', 'nobody@example.test'];
    const settings = ['ExternalEwsUrl', 'GroupingInformation', 'CasVersion'];
    const answer = await ask({ users, settings });
    expect(texts(answer, 'ErrorCode')).toEqual(['NoError', 'NoError', 'NoError', 'InvalidUser']);
    const group = `Default-First-Site-Name:127.0.0.1:${exchange.port}`;
    const version = '15.02.1748.010';
    expect(texts(answer, 'Value')).toEqual([
      'https://ews.example.test/x',
      group,
      version,
      exchange.url,
      group,
      version,
    ]);
    expect(exchange.rejections).toEqual([]);
    expect(exchange.requests.at(-1)).toMatchObject({ operation: 'GetUserSettingsRequestMessage', mailboxes: users });
  });

  test('names the settings that the server does not have', async () => {
    exchange.autodiscover.set('@example.test', { settings: { GroupingInformation: undefined } });
    const answer = await ask({ settings: ['ExternalEwsUrl', 'GroupingInformation', 'ShoeSize'] });
    expect(texts(answer, 'ErrorCode')).toEqual(['NoError', 'NoError', 'SettingIsNotAvailable', 'InvalidSetting']);
    expect(texts(answer, 'SettingName')).toEqual(['GroupingInformation', 'ShoeSize']);
    expect(texts(answer, 'Value')).toEqual([exchange.url]);
  });

  test('sends users on to another address or service, by themselves or their domain', async () => {
    exchange.autodiscover.set('carol@example.test', { redirectAddress: 'carol@cloud.example.test' });
    exchange.autodiscover.set('@other.test', {
      redirectUrl: 'https://autodiscover.other.test/autodiscover/autodiscover.svc',
    });
    exchange.autodiscover.set('dave@other.test', { error: 'ServerBusy' });
    const users = ['carol@example.test', 'erin@other.test', 'dave@other.test'];
    const answer = await ask({ users });
    expect(texts(answer, 'ErrorCode')).toEqual(['NoError', 'RedirectAddress', 'RedirectUrl', 'ServerBusy']);
    expect(texts(answer, 'RedirectTarget')).toEqual([
      'carol@cloud.example.test',
      'https://autodiscover.other.test/autodiscover/autodiscover.svc',
    ]);
    exchange.autodiscover.delete('carol@example.test');
    expect(texts(await ask({ users }), 'ErrorCode')[1]).toBe('InvalidUser');
  });

  test('takes a hundred users, and not one more', async () => {
    const users = Array.from({ length: 101 }, (_, index) => `user${index}@example.test`);
    expect(texts(await ask({ users: users.slice(1) }), 'ErrorCode')).toHaveLength(101);
    expect(texts(await ask({ users }), 'ErrorCode')).toEqual(['InvalidRequest']);
    expect(exchange.rejections).toHaveLength(1);
  });

  test.each<Parts>([{ users: [] }, { settings: [] }, { version: 'V2015_10_05' }])(
    'has no answer for %o',
    async (parts) => {
      const answer = await ask(parts);
      expect(texts(answer, 'ErrorCode')).toEqual(['InvalidRequest']);
      expect(texts(answer, 'UserResponse')).toEqual([]);
    },
  );

  test('is a fault without its action, or for what is no request', async () => {
    const other = await send(settingsRequest({ action: `${AUTODISCOVER}/Autodiscover/GetDomainSettings` }));
    expect(other.status).toBe(500);
    expect(await other.text()).toContain(':ActionNotSupported</faultcode>');
    const wrong = await send(settingsRequest().replace('<a:Users>', '<a:People/><a:Users>'));
    expect(wrong.status).toBe(500);
    expect(await wrong.text()).toContain('<faultcode');
  });

  test('is busy as a whole, and refuses who is not known', async () => {
    exchange.faults.set({ kind: 'busy-in-200', times: 1 });
    expect(texts(await ask(), 'ErrorCode')).toEqual(['ServerBusy']);
    const response = await fetch(exchange.autodiscoverUrl, { method: 'POST', body: settingsRequest() });
    expect(response.status).toBe(401);
    expect(response.headers.get('www-authenticate')).toBe('Basic realm="127.0.0.1"');
  });

  test('is redirected for everyone, before he is asked who he is', async () => {
    exchange.autodiscover.redirect = 'https://elsewhere.test/autodiscover/autodiscover.svc';
    const response = await fetch(exchange.autodiscoverUrl, { method: 'POST', redirect: 'manual' });
    expect(response.status).toBe(302);
    expect(response.headers.get('location')).toBe('https://elsewhere.test/autodiscover/autodiscover.svc');
    exchange.autodiscover.redirect = undefined;
    expect(texts(await ask(), 'Value')).toEqual([exchange.url]);
  });
});

test('every server of an organisation knows where each mailbox lives', async () => {
  const organisation = new Organisation();
  const one = await startExchangeSimulator({ schemas: '', organisation });
  const two = await startExchangeSimulator({ schemas: '', organisation });
  try {
    one.calendars.addMailbox('alice@example.test');
    two.calendars.addMailbox('bob@example.test');
    one.moveMailbox('bob@example.test', two);
    for (const server of [one, two]) {
      const users = ['alice@example.test', 'BOB@example.test'];
      expect(texts(await ask({ users }, server), 'Value')).toEqual([one.url, two.url]);
    }
  } finally {
    await one.stop();
    await two.stop();
  }
});

test.each(['none', 'soap', 'SOAP'] as const)(
  'Microsoft’s own client reads the answers with the prefix %s',
  async (prefix) => {
    exchange.faults.set({ kind: 'response-style', prefix });
    exchange.autodiscover.set('carol@example.test', { redirectAddress: 'carol@cloud.example.test' });
    const library = await import('ews-javascript-api');
    const service = new library.AutodiscoverService(
      new library.Uri(exchange.autodiscoverUrl),
      library.ExchangeVersion.Exchange2013,
    );
    service.Credentials = new library.WebCredentials('gateway', 'secret');
    const settings = [library.UserSettingName.ExternalEwsUrl, library.UserSettingName.GroupingInformation];
    const answers = await service.GetUsersSettings(['alice@example.test', 'carol@example.test'], ...settings);
    expect(answers.__thisIndexer(0).GetSettingValue(library.UserSettingName.ExternalEwsUrl)).toBe(exchange.url);
    expect(answers.__thisIndexer(1).ErrorCode).toBe(library.AutodiscoverErrorCode.RedirectAddress);
    expect(answers.__thisIndexer(1).RedirectTarget).toBe('carol@cloud.example.test');
    expect(exchange.rejections).toEqual([]);
  },
);
