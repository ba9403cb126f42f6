import xml from '@xmpp/xml';
import { StanzaError } from './stanza-error.ts';
import type { IqHandler } from './stanza-router.ts';

/** XEP-0030: Service Discovery. */
export const NS_DISCO_INFO = 'http://jabber.org/protocol/disco#info';
export const NS_DISCO_ITEMS = 'http://jabber.org/protocol/disco#items';

/** §3: who we are and what we understand. A contact's answer is the same whether it exists or not. */
export function discoInfoHandler(features: { component: readonly string[]; contact: readonly string[] }): IqHandler {
  return {
    namespace: NS_DISCO_INFO,
    element: 'query',
    contacts: true,
    get: (request, { to }) => {
      if (request.attrs.node) throw new StanzaError('item-not-found');
      const isContact = to.local !== '';
      const identity = isContact
        ? { category: 'account', type: 'registered' }
        : { category: 'component', type: 'presence', name: 'Calendar presence' };
      const vars = isContact ? features.contact : features.component;
      return xml(
        'query',
        { xmlns: NS_DISCO_INFO },
        xml('identity', identity),
        vars.map((feature) => xml('feature', { var: feature })),
      );
    },
  };
}

/** §4: there is nothing to browse: contacts are not listed, to nobody. */
export const discoItemsHandler: IqHandler = {
  namespace: NS_DISCO_ITEMS,
  element: 'query',
  contacts: true,
  get: (request) => {
    if (request.attrs.node) throw new StanzaError('item-not-found');
    return xml('query', { xmlns: NS_DISCO_ITEMS });
  },
};
