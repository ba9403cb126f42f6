import { OFFICE_365_URL } from './endpoint.ts';

/** One of Microsoft's clouds: tokens of one are good for nothing in another. */
export type MicrosoftCloud = {
  /** Where Exchange Online is (EWS). */
  readonly url: string;
  /** Hosts that give tokens; the first is the usual one. */
  readonly authorities: readonly [string, ...string[]];
  /** Its Autodiscover service. */
  readonly autodiscover: string;
};

/**
 * The worldwide cloud first, which the US government's GCC uses, too. Of two with the same authority the first is meant
 * unless a url says otherwise: the Department of Defense's has few tenants.
 *
 * https://learn.microsoft.com/entra/identity-platform/authentication-national-cloud,
 * https://learn.microsoft.com/microsoft-365/enterprise/microsoft-365-endpoints
 */
const clouds: readonly [MicrosoftCloud, ...MicrosoftCloud[]] = [
  {
    url: OFFICE_365_URL,
    authorities: ['login.microsoftonline.com', 'login.windows.net', 'login.microsoft.com', 'sts.windows.net'],
    autodiscover: 'autodiscover-s.outlook.com',
  },
  {
    url: 'https://outlook.office365.us/EWS/Exchange.asmx',
    authorities: ['login.microsoftonline.us'],
    autodiscover: 'autodiscover-s.office365.us',
  },
  {
    url: 'https://outlook-dod.office365.us/EWS/Exchange.asmx',
    authorities: ['login.microsoftonline.us'],
    autodiscover: 'autodiscover-s-dod.office365.us',
  },
  {
    url: 'https://partner.outlook.cn/EWS/Exchange.asmx',
    authorities: ['login.partner.microsoftonline.cn', 'login.chinacloudapi.cn'],
    autodiscover: 'autodiscover-s.partner.outlook.cn',
  },
];

/** The cloud that an EWS address is in; undefined: none of Microsoft's. */
export function cloudOfUrl(url: string): MicrosoftCloud | undefined {
  if (!URL.canParse(url)) return undefined;
  const { origin } = new URL(url);
  return clouds.find((cloud) => new URL(cloud.url).origin === origin);
}

/** The cloud whose tokens an authority gives; undefined: none that is known. Without an authority the worldwide one. */
export function cloudOfAuthority(authority: string | undefined): MicrosoftCloud | undefined {
  return authority === undefined ? clouds[0] : clouds.find((cloud) => isAuthorityOf(cloud, authority));
}

/** Whether an authority gives tokens for a cloud. */
export function isAuthorityOf({ authorities }: MicrosoftCloud, authority: string): boolean {
  return URL.canParse(authority) && authorities.includes(new URL(authority).host);
}

/** The usual authority of a cloud, and the scope of its Exchange Online. */
export function tokensOf({ authorities, url }: MicrosoftCloud): { readonly authority: string; readonly scope: string } {
  return { authority: `https://${authorities[0]}`, scope: `${new URL(url).origin}/.default` };
}

/** All hosts of Exchange Online that take tokens of an authority. */
export function hostsFor(authority: string | undefined): readonly string[] {
  const [usual] = clouds;
  const mine = authority === undefined ? [usual] : clouds.filter((cloud) => isAuthorityOf(cloud, authority));
  return mine.flatMap(({ autodiscover, url }) => [autodiscover, new URL(url).host]);
}
