import { z } from 'zod';
import { MINUTE, SECOND } from '../../component/runtime/clock.ts';
import { LONGEST_WINDOW } from './calendar.ts';
import { cloudOfAuthority, cloudOfUrl, hostsFor, isAuthorityOf, type MicrosoftCloud, tokensOf } from './clouds.ts';
import { autodiscoverSchema, ewsUrl, OFFICE_365_URL, proxySchema } from './endpoint.ts';
import { oauthSchema } from './oauth.ts';
import { isMapping, oneSecret, type Report, together } from './section.ts';
import { domain, duration, fold, headerText, isMailboxPattern, mailbox, text, whole } from './values.ts';

const nameExpected = 'a short name of a-z, 0-9 and -, as in hq';
const mailboxesExpected = 'a mail address, or a pattern of one with *, as in *@eu.example.com';

/** How many mailboxes are streamed where the account may impersonate and nothing else is written. */
const STREAMED = 2000;

export const serverSchema = z
  .strictObject({
    name: z
      .string({ error: nameExpected })
      .regex(/^[a-z0-9-]{1,63}$/, { error: nameExpected })
      .describe("The server's name in logs and metrics: a-z, 0-9 and -."),
    type: z
      .enum(['exchange', 'office365'])
      .default('exchange')
      .describe('exchange: Exchange Server, in a house of your own or a host’s. office365: Exchange Online.'),
    url: ewsUrl()
      .optional()
      .describe(
        `The address of Exchange Web Services, as in https://mail.example.com/EWS/Exchange.asmx. Needed unless there is autodiscover. Default with type office365: ${OFFICE_365_URL}, or where Exchange Online is in the national cloud of oauth.authority.`,
      ),
    autodiscover: autodiscoverSchema.optional(),
    auth: z
      .enum(['basic', 'ntlm', 'oauth'])
      .optional()
      .describe('How the account proves itself. Default: basic; with type office365: oauth.'),
    username: headerText('the name of an account')
      .max(1024, { error: 'a name of at most 1024 characters' })
      .refine((value) => !/^[^\\]*\\$/.test(value), { error: 'a name after the domain and its \\' })
      .refine((value) => !value.includes(':'), {
        error: 'a name without ":" (Basic authentication has no way to send one)',
      })
      .optional()
      .describe('The account that may read free/busy, as in svc-presence@example.com or EXAMPLE\\svc-presence.'),
    password: headerText('text').optional().describe('The password of the account; better: passwordFile.'),
    passwordFile: text('a file name').optional().describe('A file that holds the password and nothing else.'),
    channelBinding: z
      .boolean()
      .optional()
      .describe('With auth ntlm: binds the log-on to the TLS connection. Default: true; false: a proxy ends TLS.'),
    oauth: oauthSchema.optional().describe('The application that gets tokens, with auth oauth.'),
    impersonate: mailbox().optional().describe('The mailbox in whose name free/busy is asked. Needed with auth oauth.'),
    caFile: text('the name of a PEM file')
      .optional()
      .describe(
        'The authority that signed the certificate of the server, as PEM; it is trusted besides those that Node.js trusts.',
      ),
    proxy: proxySchema.optional().describe('The HTTP proxy on the way to the server.'),
    domains: z
      .array(domain())
      .min(1, { error: 'at least one domain, or no such key' })
      .optional()
      .describe(
        'The mail domains whose mailboxes are here. One server may go without domains and mailboxes: it gets all others.',
      ),
    mailboxes: z
      .array(
        z.string({ error: mailboxesExpected }).refine(isMailboxPattern, { error: mailboxesExpected }).transform(fold),
      )
      .min(1, { error: 'at least one mailbox, or no such key' })
      .optional()
      .describe('Mailboxes that are here, as addresses or patterns with *. They come before domains.'),
    concurrency: whole(1, 27)
      .default(10)
      .describe('The most requests at once. Exchange allows 27 for an account (EWSMaxConcurrency).'),
    timeout: duration(SECOND, 10 * MINUTE)
      .prefault('30s')
      .describe('How long one request may take.'),
    staleAfter: duration(MINUTE, LONGEST_WINDOW)
      .optional()
      .describe('For the mailboxes of this server, instead of calendar.staleAfter.'),
    impersonation: z
      .boolean()
      .default(false)
      .describe('Whether the account may impersonate the mailboxes (ApplicationImpersonation): for notifications.'),
    notifications: z
      .strictObject({
        mailboxes: whole(0, 100_000)
          .optional()
          .describe('For how many mailboxes. Default: 2000 with impersonation, or else 0.'),
      })
      .prefault({})
      .describe('Hints from the server when a calendar has changed. They need impersonation.'),
    automaticReplies: z
      .boolean()
      .default(false)
      .describe('Whether a mailbox that answers automatically (Out of Office) counts as OOF.'),
    sampleMailbox: mailbox().optional().describe('A mailbox for `presence-gateway check` to ask about.'),
  })
  .check(
    together((server, report) => {
      checkAddress(server, report);
      checkAccount(server, report);
      const { notifications } = server;
      const streamed = isMapping(notifications) ? notifications.mailboxes : undefined;
      if (typeof streamed === 'number' && streamed > 0 && server.impersonation !== true) {
        report(['notifications', 'mailboxes'], '0, or impersonation: true, which notifications need');
      }
    }),
  )
  .transform(({ auth, username, password, passwordFile, channelBinding, oauth, caFile, autodiscover, ...server }) => {
    const cloud = cloudOf({ ...server, oauth });
    const usual = cloud && tokensOf(cloud);
    const application = oauth && {
      ...oauth,
      authority: oauth.authority ?? usual?.authority,
      scope: oauth.scope ?? usual?.scope,
    };
    const named = { username, password, passwordFile, channelBinding, oauth: application };
    return {
      ...server,
      url: server.url ?? (autodiscover ? undefined : cloud?.url),
      /** Undefined: `url` is given. */
      autodiscover: autodiscover ? withMicrosoft(autodiscover, server.type, oauth?.authority) : undefined,
      account: accountOf(auth ?? defaultAuth(server.type), named),
      /** PEM text. */
      ca: caFile,
      notifications: { mailboxes: server.notifications.mailboxes ?? (server.impersonation ? STREAMED : 0) },
    };
  });

type Autodiscover = { readonly url?: string | undefined; readonly hosts: readonly string[] };

/** Exchange Online is where it is, whatever the mail domain. */
function withMicrosoft(
  { url, hosts }: Autodiscover,
  type: 'exchange' | 'office365',
  authority: string | undefined,
): Autodiscover {
  return { url, hosts: [...hosts, ...(type === 'office365' ? hostsFor(authority) : [])] };
}

type Credentials = {
  username?: string | undefined;
  password?: string | undefined;
  passwordFile?: string | undefined;
  channelBinding?: boolean | undefined;
  oauth?: z.output<typeof oauthSchema> | undefined;
};

/** How to prove who we are; secrets are read from their files already. */
export type Account =
  | { readonly auth: 'basic'; readonly username: string; readonly password: string }
  | { readonly auth: 'ntlm'; readonly username: string; readonly password: string; readonly channelBinding: boolean }
  | ({ readonly auth: 'oauth' } & z.output<typeof oauthSchema>);

function accountOf(auth: Account['auth'], { username, password, passwordFile, ...rest }: Credentials): Account {
  const named = { username: username ?? '', password: password ?? passwordFile ?? '' };
  if (auth === 'basic') return { auth, ...named };
  if (auth === 'ntlm') return { auth, ...named, channelBinding: rest.channelBinding ?? true };
  if (rest.oauth === undefined) throw new RangeError('OAuth without an application: the check lets none through');
  return { auth, ...rest.oauth };
}

type Written = Readonly<Record<string, unknown>>;

function checkAddress({ url, autodiscover, type, proxy, oauth }: Written, report: Report): void {
  const discovers = autodiscover !== undefined && autodiscover !== false;
  if (url !== undefined && discovers) report(['autodiscover'], 'url or autodiscover, not both');
  if (url === undefined && !discovers && type !== 'office365') {
    report(['url'], 'an address, as in https://mail.example.com/EWS/Exchange.asmx, or autodiscover: true');
  } else if (url === undefined && !discovers && cloudOf({ type, oauth }) === undefined) {
    const where = 'the address of Exchange Online in the cloud of oauth.authority, which is none that is known here';
    report(['url'], `${where} (the default is ${OFFICE_365_URL})`);
  }
  if (proxy !== undefined && typeof url === 'string' && /^http:/i.test(url)) {
    report(['url'], 'an address that begins with https:// (seen from a proxy this machine is the proxy itself)');
  }
}

function checkAccount(server: Written, report: Report): void {
  const auth = server.auth ?? defaultAuth(server.type);
  // Of anything else it is said that it is none; it may be an object that has no text.
  if (auth !== 'basic' && auth !== 'ntlm' && auth !== 'oauth') return;
  if (server.type === 'office365' && (auth === 'basic' || auth === 'ntlm')) {
    report(['auth'], 'oauth (Exchange Online takes nothing else)');
    return;
  }
  const unused = (keys: readonly string[], why: string) => {
    for (const key of keys) if (server[key] !== undefined) report([key], `no such key with auth: ${auth} (${why})`);
  };
  if (auth === 'basic' || auth === 'ntlm') {
    if (server.username === undefined) report(['username'], 'the name of an account');
    oneSecret(server, 'password', report);
    unused(['oauth'], 'it is for auth: oauth');
  }
  if (auth === 'oauth') {
    if (server.oauth === undefined)
      report(['oauth'], 'the application: tenant, clientId, and its secret or certificate');
    if (isMapping(server.oauth)) checkTokens(server.oauth, cloudOf(server), report);
    if (server.impersonate === undefined) report(['impersonate'], 'a mailbox in whose name free/busy is asked');
    unused(['username', 'password', 'passwordFile'], 'the application stands in oauth');
  }
  if (auth !== 'ntlm') unused(['channelBinding'], 'only NTLM binds to the TLS connection');
}

/** Who got a token that is meant for another could read everybody's mail with it. */
function checkTokens({ scope, authority }: Written, cloud: MicrosoftCloud | undefined, report: Report): void {
  if (cloud === undefined && scope === undefined) {
    const expected =
      "the scope of this server, as in https://mail.example.com/.default (the default is Exchange Online's)";
    report(['oauth', 'scope'], expected);
  }
  if (cloud === undefined || typeof authority !== 'string' || isAuthorityOf(cloud, authority)) return;
  // An authority that is not known here may be a newer one of any cloud.
  if (cloudOfAuthority(authority) === undefined) return;
  const { host } = new URL(cloud.url);
  report(['oauth', 'authority'], `the authority of the same cloud as ${host}: ${tokensOf(cloud).authority}`);
}

/** The cloud of Microsoft's that a server is in; undefined: none that is known. */
function cloudOf({ type, url, oauth }: Written): MicrosoftCloud | undefined {
  if (typeof url === 'string') return cloudOfUrl(url);
  if (url !== undefined || type !== 'office365') return undefined;
  const authority = isMapping(oauth) ? oauth.authority : undefined;
  return authority === undefined || typeof authority === 'string' ? cloudOfAuthority(authority) : undefined;
}

function defaultAuth(type: unknown): 'basic' | 'oauth' {
  return type === 'office365' ? 'oauth' : 'basic';
}
