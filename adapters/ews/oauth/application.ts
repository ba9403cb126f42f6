import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';

/** An application that is registered with an authority, as it is configured. */
export type OauthApplication = {
  /** The tenant's id, or one of its domains. */
  readonly tenant: string;
  /** The application's id (`appId`, `client_id`). */
  readonly clientId: string;
  /** Either a client secret … */
  readonly secret?: string | undefined;
  /** … or a certificate that is registered with the application, and its RSA key; both PEM. */
  readonly certificate?: { readonly certificate: string; readonly privateKey: string } | undefined;
  /** Default `https://login.microsoftonline.com`; national clouds have their own (`https://login.microsoftonline.us`). */
  readonly authority?: string | undefined;
  /** Default `https://outlook.office365.com/.default`. */
  readonly scope?: string | undefined;
};

/** An application whose configuration makes sense. What is secret in it is not shown by `util.inspect`. */
export type Application = {
  readonly tenant: string;
  readonly clientId: string;
  readonly authority: URL;
  readonly scope: string;
  /** When the certificate's time is over (epoch milliseconds); undefined with a secret. */
  readonly certificateEnds: number | undefined;
  /** The part of msal's configuration that proves who we are. */
  secrets(): ApplicationSecrets;
};

export type ApplicationSecrets =
  | { readonly clientSecret: string }
  | { readonly clientCertificate: { readonly thumbprintSha256: string; readonly privateKey: string } };

const DEFAULT_AUTHORITY = 'https://login.microsoftonline.com';
const DEFAULT_SCOPE = 'https://outlook.office365.com/.default';

/** @throws RangeError when it can't be used; the message holds no secret */
export function readApplication(configured: OauthApplication): Application {
  const { tenant, clientId, secret, certificate, scope = DEFAULT_SCOPE } = configured;
  if (!/^[\w.-]+$/.test(tenant)) throw new RangeError('The tenant is no id and no domain name');
  if (['common', 'organizations', 'consumers'].includes(tenant.toLowerCase())) {
    throw new RangeError(`An application needs a tenant of its own: "${tenant}" stands for many`);
  }
  if (!/^[\w.-]+$/.test(clientId)) throw new RangeError("The application's id has characters that none has");
  if (!/^\S+$/.test(scope)) throw new RangeError('The scope is empty or has white space');
  const application = { tenant, clientId, authority: readAuthority(configured.authority ?? DEFAULT_AUTHORITY), scope };
  if ((secret === undefined) === (certificate === undefined)) {
    throw new RangeError('An application needs a secret or a certificate, and not both');
  }
  if (certificate !== undefined) return { ...application, ...readCertificate(certificate) };
  if (secret === undefined || secret === '' || /\p{Cc}/u.test(secret)) {
    throw new RangeError(
      "The application's secret is empty or has a control character, a line break at its end perhaps",
    );
  }
  return { ...application, certificateEnds: undefined, secrets: () => ({ clientSecret: secret }) };
}

function readAuthority(text: string): URL {
  if (!URL.canParse(text)) throw new RangeError("The authority's address is no URL");
  const url = new URL(text);
  if (url.protocol !== 'https:') throw new RangeError("The authority's address must be https");
  if (url.href !== `${url.origin}/`) {
    throw new RangeError("The authority's address has more than a host: the tenant is an option of its own");
  }
  return url;
}

function readCertificate({ certificate: pem, privateKey }: NonNullable<OauthApplication['certificate']>) {
  let certificate: X509Certificate;
  let key: KeyObject;
  try {
    certificate = new X509Certificate(pem);
  } catch {
    throw new RangeError("The application's certificate can not be read: it must be PEM");
  }
  try {
    key = createPrivateKey(privateKey);
  } catch {
    // The cause is left out: it may quote the key.
    throw new RangeError("The application's private key can not be read: it must be PEM, without a passphrase");
  }
  if (key.asymmetricKeyType !== 'rsa') throw new RangeError("The application's private key is no RSA key");
  if (!certificate.checkPrivateKey(key)) {
    throw new RangeError("The application's private key does not belong to its certificate");
  }
  const thumbprintSha256 = certificate.fingerprint256.replaceAll(':', '');
  return {
    certificateEnds: Date.parse(certificate.validTo),
    secrets: () => ({ clientCertificate: { thumbprintSha256, privateKey } }),
  };
}
