import { createPrivateKey, X509Certificate } from 'node:crypto';
import { z } from 'zod';
import { together } from './section.ts';
import { headerText, text } from './values.ts';

const tenantExpected = "the tenant's id or domain, as in contoso.onmicrosoft.com";
const clientIdExpected = "the application's id, as in 11111111-2222-3333-4444-555555555555";
const authorityExpected = 'an https address without a path, as in https://login.microsoftonline.com';

/** OAuth 2.0 client credentials (RFC 6749 §4.4), with a secret or a certificate. */
export const oauthSchema = z
  .strictObject({
    tenant: z
      .string({ error: tenantExpected })
      .regex(/^[A-Za-z0-9][A-Za-z0-9.-]{0,252}$/, { error: tenantExpected })
      .refine((value) => !['common', 'organizations', 'consumers'].includes(value.toLowerCase()), {
        error: "a tenant of the application's own (this one stands for many)",
      })
      .describe("The tenant's id or domain."),
    clientId: z
      .string({ error: clientIdExpected })
      .regex(/^[\w.-]{1,128}$/, { error: clientIdExpected })
      .describe("The application's (client) id."),
    clientSecret: headerText('text').optional().describe("The application's secret; better: clientSecretFile."),
    clientSecretFile: text('a file name').optional().describe('A file that holds the secret and nothing else.'),
    certificateFile: text('the name of a PEM file')
      .optional()
      .describe("The application's certificate, as PEM: instead of a secret, with privateKeyFile."),
    privateKeyFile: text('the name of a PEM file').optional().describe('The private key of the certificate, as PEM.'),
    authority: z
      .string({ error: authorityExpected })
      .refine(isAuthority, { error: authorityExpected })
      .optional()
      .describe(
        'Who issues tokens. Default: that of the cloud of url, or else https://login.microsoftonline.com; https://login.microsoftonline.us for the US government (the Department of Defense gives url, too), https://login.partner.microsoftonline.cn for China.',
      ),
    scope: text('a scope, as in https://outlook.office365.com/.default')
      .refine((value) => !/\s/.test(value), { error: 'one scope, without spaces' })
      .optional()
      .describe(
        'What the token is for. Needed with a server of your own, as in https://mail.example.com/.default. Default: Exchange Online in the cloud of url or authority, as in https://outlook.office365.com/.default.',
      ),
  })
  .check(
    together((oauth, report) => {
      const { clientSecret, clientSecretFile, certificateFile, privateKeyFile } = oauth;
      const secrets = [clientSecret, clientSecretFile].filter((value) => value !== undefined).length;
      const hasCertificate = certificateFile !== undefined || privateKeyFile !== undefined;
      if (secrets === 2) report(['clientSecretFile'], 'only one of clientSecret and clientSecretFile');
      else if (secrets === 1 && hasCertificate) {
        report(
          [certificateFile === undefined ? 'privateKeyFile' : 'certificateFile'],
          'a secret or a certificate, not both',
        );
      } else if (secrets === 0 && !hasCertificate) {
        report(
          ['clientSecret'],
          `clientSecretFile, or clientSecret: \${VARIABLE}, or certificateFile and privateKeyFile`,
        );
      } else if (hasCertificate && certificateFile === undefined) {
        report(['certificateFile'], 'the certificate that privateKeyFile belongs to');
      } else if (hasCertificate && privateKeyFile === undefined) {
        report(['privateKeyFile'], 'the private key of certificateFile');
      } else if (hasCertificate) {
        const expected = whatIsWrongWithKey(certificateFile, privateKeyFile);
        if (expected !== undefined) report(['privateKeyFile'], expected);
      }
    }),
  )
  .transform(({ clientSecret, clientSecretFile, certificateFile, privateKeyFile, ...rest }) => ({
    ...rest,
    /** Read from its file already; undefined: there is a certificate. */
    secret: clientSecret ?? clientSecretFile,
    /** PEM texts. */
    certificate:
      certificateFile === undefined || privateKeyFile === undefined
        ? undefined
        : { certificate: certificateFile, privateKey: privateKeyFile },
  }));

/** Nothing where they can't be read: a file that is damaged was complained of already. */
function whatIsWrongWithKey(certificate: unknown, privateKey: unknown): string | undefined {
  if (typeof certificate !== 'string' || typeof privateKey !== 'string') return undefined;
  try {
    const key = createPrivateKey(privateKey);
    if (key.asymmetricKeyType !== 'rsa') return 'an RSA key (Entra ID takes no other)';
    if (!new X509Certificate(certificate).checkPrivateKey(key)) {
      return 'the private key of certificateFile (this is the key of another)';
    }
  } catch {
    return undefined;
  }
  return undefined;
}

function isAuthority(value: string): boolean {
  if (!URL.canParse(value)) return false;
  const { protocol, href, origin } = new URL(value);
  return protocol === 'https:' && href === `${origin}/`;
}
