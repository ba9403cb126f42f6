import { expect, test } from 'vitest';
import { verificationString } from '../../../component/xmpp/entity.ts';

test('the hash is that of the example in XEP-0115 §5.2', () => {
  const exodus = {
    identity: { category: 'client', type: 'pc', name: 'Exodus 0.9.1' },
    features: [
      'http://jabber.org/protocol/caps',
      'http://jabber.org/protocol/disco#info',
      'http://jabber.org/protocol/disco#items',
      'http://jabber.org/protocol/muc',
    ],
  };
  expect(verificationString(exodus)).toBe('QgayPKawpkPSDYmwT/WM94uAlu0=');
  const shuffled = { ...exodus, features: exodus.features.toReversed() };
  expect(verificationString(shuffled)).toBe(verificationString(exodus));
});
