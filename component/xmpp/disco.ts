import xml from '@xmpp/xml';
import type { Address } from './address.ts';
import { StanzaError } from './stanza-error.ts';
import type { IqHandler } from './stanza-router.ts';

/** XEP-0030: Service Discovery. */
export const NS_DISCO_INFO = 'http://jabber.org/protocol/disco#info';
export const NS_DISCO_ITEMS = 'http://jabber.org/protocol/disco#items';

/** §3.1: what an address of ours is, and what it understands. */
export type Entity = {
  readonly identity: { readonly category: string; readonly type: string; readonly name?: string };
  readonly features: readonly string[];
};

/**
 * §3: who we are and what we understand. A contact's answer is the same whether it exists or not.
 *
 * @param nodeOf the node at which the same answer is given (XEP-0115 §6.2); any other is not found
 */
export function discoInfoHandler(entityAt: (to: Address) => Entity, nodeOf: (entity: Entity) => string): IqHandler {
  return {
    namespace: NS_DISCO_INFO,
    element: 'query',
    contacts: true,
    get: (request, { to }) => {
      const entity = entityAt(to);
      const { node } = request.attrs;
      if (node && node !== nodeOf(entity)) throw new StanzaError('item-not-found');
      return xml(
        'query',
        { xmlns: NS_DISCO_INFO, ...(node && { node }) },
        xml('identity', { ...entity.identity }),
        entity.features.map((feature) => xml('feature', { var: feature })),
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
