import { makeAuthority } from '../../../support/certificate.ts';

// An authority of our own, and servers with which something is wrong or nothing is.
const { ca, issue } = makeAuthority();

export const authority = ca;
export const goodServer = issue({ names: ['exchange.test', 'localhost', '127.0.0.1'] });
export const otherServer = issue({ names: ['other.test'] });
export const expiredServer = issue({ expired: true });
