/** The numbers in the ServerVersionInfo header of each answer. */
export type ServerVersion = {
  readonly MajorVersion: number;
  readonly MinorVersion: number;
  readonly MajorBuildNumber: number;
  readonly MinorBuildNumber: number;
};

/** Exchange SE is version 15.2, as 2019 is: the build tells them apart. */
const FIRST_BUILD_OF_SE = 2562;

/**
 * The product's name and number: "Exchange Server 2019 (15.2.1544.9)".
 *
 * https://learn.microsoft.com/exchange/new-features/build-numbers-and-release-dates
 */
export function describeVersion(version: ServerVersion): string {
  const { MajorVersion, MinorVersion, MajorBuildNumber, MinorBuildNumber } = version;
  return `${productName(version)} (${MajorVersion}.${MinorVersion}.${MajorBuildNumber}.${MinorBuildNumber})`;
}

function productName({ MajorVersion, MinorVersion, MajorBuildNumber }: ServerVersion): string {
  switch (`${MajorVersion}.${MinorVersion}`) {
    case '15.20':
      return 'Exchange Online';
    case '15.2':
      return MajorBuildNumber >= FIRST_BUILD_OF_SE ? 'Exchange Server SE' : 'Exchange Server 2019';
    case '15.1':
      return 'Exchange Server 2016';
    case '15.0':
      return 'Exchange Server 2013';
  }
  if (MajorVersion === 14) return 'Exchange Server 2010';
  if (MajorVersion === 8) return 'Exchange Server 2007';
  return 'An unknown version of Exchange';
}
