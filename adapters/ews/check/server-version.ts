/** The numbers in the ServerVersionInfo header of each answer. */
export type ServerVersion = {
  readonly MajorVersion: number;
  readonly MinorVersion: number;
  readonly MajorBuildNumber: number;
  readonly MinorBuildNumber: number;
};

type Product = { readonly name: string; readonly advice?: string };

/** Exchange SE is version 15.2, as 2019 is: the build tells them apart. */
const FIRST_BUILD_OF_SE = 2562;

/**
 * The product's name and number: "Exchange Server 2019 (15.2.1544.9)".
 *
 * https://learn.microsoft.com/exchange/new-features/build-numbers-and-release-dates
 */
export function describeVersion(version: ServerVersion): string {
  const { MajorVersion, MinorVersion, MajorBuildNumber, MinorBuildNumber } = version;
  return `${productOf(version).name} (${MajorVersion}.${MinorVersion}.${MajorBuildNumber}.${MinorBuildNumber})`;
}

/**
 * What is to be done because Microsoft does not support the version any more, or will not; undefined: nothing.
 *
 * https://learn.microsoft.com/lifecycle/products/?products=exchange
 */
export function adviceOnVersion(version: ServerVersion): string | undefined {
  return productOf(version).advice;
}

function productOf({ MajorVersion, MinorVersion, MajorBuildNumber }: ServerVersion): Product {
  switch (`${MajorVersion}.${MinorVersion}`) {
    case '15.20':
      return { name: 'Exchange Online', advice: 'Microsoft removes EWS there on 2027-04-01: plan the move to Graph' };
    case '15.2':
      return MajorBuildNumber >= FIRST_BUILD_OF_SE
        ? { name: 'Exchange Server SE' }
        : { name: 'Exchange Server 2019', advice: unsupportedSince('2025-10-14') };
    case '15.1':
      return { name: 'Exchange Server 2016', advice: unsupportedSince('2025-10-14') };
    case '15.0':
      return { name: 'Exchange Server 2013', advice: unsupportedSince('2023-04-11') };
  }
  if (MajorVersion === 14) return { name: 'Exchange Server 2010', advice: unsupportedSince('2020-10-13') };
  if (MajorVersion === 8) return { name: 'Exchange Server 2007', advice: unsupportedSince('2017-04-11') };
  return { name: 'An unknown version of Exchange' };
}

function unsupportedSince(date: string): string {
  return `It works, but is out of Microsoft's support since ${date}: plan the move to Exchange Server SE`;
}
