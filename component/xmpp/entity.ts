import { createHash } from 'node:crypto';
import type { Address } from './address.ts';
import { type Entity, NS_DISCO_INFO, NS_DISCO_ITEMS } from './disco.ts';
import { NS_LAST } from './last-activity.ts';
import { NS_PING } from './ping.ts';
import { NS_VCARD } from './vcard.ts';
import { NS_VERSION } from './version.ts';

/** XEP-0115: Entity Capabilities. */
export const NS_CAPS = 'http://jabber.org/protocol/caps';

const contactFeatures = [NS_DISCO_INFO, NS_DISCO_ITEMS, NS_PING, NS_VCARD, NS_VERSION];

/** The component's domain: it speaks presence for others (registry of identities: component/presence). */
const component: Entity = {
  identity: { category: 'component', type: 'presence', name: 'Calendar presence' },
  features: [...contactFeatures, NS_LAST],
};

/** A contact: an account like any other. */
const contact: Entity = { identity: { category: 'account', type: 'registered' }, features: contactFeatures };

/** The resource that a contact speaks from: a client that no human sits at. */
const resource: Entity = {
  identity: { category: 'client', type: 'bot', name: 'Calendar' },
  features: [...contactFeatures, NS_CAPS],
};

/** What is at an address; the same whether the contact exists or not. */
export function entityAt(to: Address): Entity {
  if (to.local === '') return component;
  return to.resource === '' ? contact : resource;
}

/** XEP-0115 §4: which software it is. */
const NODE = 'urn:presence-gateway';

/** XEP-0115 §5.1: the hash of what disco#info answers. */
export function verificationString({ identity: { category, type, name = '' }, features }: Entity): string {
  const text = [`${category}/${type}//${name}`, ...[...features].sort()].map((part) => `${part}<`).join('');
  return createHash('sha1').update(text).digest('base64');
}

/** The node at which an entity's answer is that which its `ver` is the hash of (XEP-0115 §6.2). */
export function capsNode(entity: Entity): string {
  return `${NODE}#${verificationString(entity)}`;
}

/** XEP-0115 §4: the element that presence carries, serialised. */
export const capsOfResource = `<c xmlns="${NS_CAPS}" hash="sha-1" node="${NODE}" ver="${verificationString(resource)}"/>`;
