import { z } from 'zod';
import { isLoopback } from '../../component/runtime/loopback.ts';
import { together } from './section.ts';
import { fold, headerText, isDomain, text } from './values.ts';

/** Exchange Online's one address, https://learn.microsoft.com/exchange/client-developer/exchange-web-services. */
export const OFFICE_365_URL = 'https://outlook.office365.com/EWS/Exchange.asmx';

const ewsExample = 'https://mail.example.com/EWS/Exchange.asmx';
const autodiscoverExample = 'https://autodiscover.example.com/autodiscover/autodiscover.svc';

/** The address of a web service that gets our password. */
function serviceUrl(example: string, usualEnd: string) {
  return z.string({ error: `an address, as in ${example}` }).superRefine((value, context) => {
    const expected = whatIsWrongWith(value, example, usualEnd);
    if (expected !== undefined) context.addIssue({ code: 'custom', message: expected });
  });
}

export function ewsUrl() {
  return serviceUrl(ewsExample, '/EWS/Exchange.asmx');
}

function whatIsWrongWith(value: string, example: string, usualEnd: string): string | undefined {
  if (!URL.canParse(value)) return `an address, as in ${example}`;
  const url = new URL(value);
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && isLoopback(url.hostname))) {
    return 'an address that begins with https:// (the password goes there)';
  }
  if (url.username !== '' || url.password !== '')
    return 'an address without an account: that goes into username and passwordFile';
  if (url.pathname === '/') return `the whole address, usually with ${usualEnd} at its end`;
  if (url.hash !== '') return 'an address without #';
  return undefined;
}

const hostsExpected = 'a host name, or a pattern with * in place of its first part, as in *.example.com';

export const autodiscoverSchema = z
  .union(
    [
      z.boolean(),
      z.strictObject({
        url: serviceUrl(autodiscoverExample, '/autodiscover/autodiscover.svc')
          .optional()
          .describe(`The Autodiscover service. Default: found by the mailbox's domain, as Outlook does it.`),
        hosts: z
          .array(z.string({ error: hostsExpected }).refine(isHostPattern, { error: hostsExpected }).transform(fold))
          .default([])
          .describe(
            'Further hosts that may be given the password: names, or *.example.com. The hosts in the mail domain itself may without being listed.',
          ),
      }),
    ],
    { error: 'true, or a mapping with url or hosts' },
  )
  .transform((value) => (value === true ? { hosts: [] } : value))
  .describe('Whether the address of each mailbox is asked of Autodiscover: instead of url.');

export const proxySchema = z
  .strictObject({
    url: z
      .string({ error: 'an address, as in http://proxy.example.com:3128' })
      .superRefine((value, context) => {
        const message = whatIsWrongWithProxy(value);
        if (message !== undefined) context.addIssue({ code: 'custom', message });
      })
      .describe('The address of the proxy, as in http://proxy.example.com:3128.'),
    username: headerText("the name of the proxy's account")
      .optional()
      .describe('The account on the proxy, if it wants one.'),
    password: headerText('text').optional().describe('Its password; better: passwordFile.'),
    passwordFile: text('a file name').optional().describe('A file that holds its password and nothing else.'),
  })
  .check(
    together((proxy, report) => {
      const { username, password, passwordFile } = proxy;
      if (password !== undefined && passwordFile !== undefined) {
        report(['passwordFile'], 'only one of password and passwordFile');
      }
      const hasSecret = password !== undefined || passwordFile !== undefined;
      if (username === undefined && hasSecret) report(['username'], 'the account that the password is for');
      if (username !== undefined && !hasSecret) report(['password'], `passwordFile, or password: \${VARIABLE}`);
      if (typeof username === 'string' && username.includes(':')) report(['username'], 'a name without ":"');
    }),
  )
  .transform(({ password, passwordFile, ...rest }) => ({
    ...rest,
    /** Read from its file already. */
    password: password ?? passwordFile,
  }));

function whatIsWrongWithProxy(value: string): string | undefined {
  if (!/^https?:\/\//i.test(value) || !URL.canParse(value)) return 'an address, as in http://proxy.example.com:3128';
  const url = new URL(value);
  if (url.username !== '' || url.password !== '')
    return 'an address without an account: that goes into username and passwordFile';
  if (url.pathname !== '/' || url.search !== '' || url.hash !== '') return 'an address that ends with its port';
  return undefined;
}

function isHostPattern(value: string): boolean {
  const name = value.startsWith('*.') ? value.slice(2) : value;
  // *.com would be nearly everybody.
  return isDomain(name) && (name === value || name.includes('.'));
}
