import { expect, test, vi } from 'vitest';
import { oauthCredentials } from '../../../../adapters/ews/oauth/oauth-credentials.ts';
import { systemClock } from '../../../../adapters/runtime/system-clock.ts';
import { openTransport, post } from '../http/local-server.ts';

const loaded = vi.hoisted(() => vi.fn());
vi.mock('@azure/msal-node', () => {
  loaded();
  return {};
});

test('msal is not loaded before a token is wanted', async () => {
  const application = { tenant: 'example.com', clientId: 'x', secret: 'y', authority: 'https://127.0.0.1:9' };
  const transport = openTransport('http://127.0.0.1:9/', {
    credentials: oauthCredentials({ ...application, clock: systemClock }),
  });
  expect(loaded).not.toHaveBeenCalled();
  await expect(post(transport)).rejects.toThrow();
  expect(loaded).toHaveBeenCalledOnce();
});
