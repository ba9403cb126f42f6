import { describe, expect, test } from 'vitest';
import { adviceOnVersion, describeVersion } from '../../../../adapters/ews/check/server-version.ts';

describe('the version', () => {
  test.each([
    [15, 20, 9000, 1, 'Exchange Online (15.20.9000.1)', /2027-04-01/],
    [15, 2, 2562, 17, 'Exchange Server SE (15.2.2562.17)', undefined],
    [15, 2, 1544, 9, 'Exchange Server 2019 (15.2.1544.9)', /since 2025-10-14/],
    [15, 1, 2507, 6, 'Exchange Server 2016 (15.1.2507.6)', /since 2025-10-14/],
    [15, 0, 1497, 2, 'Exchange Server 2013 (15.0.1497.2)', /since 2023-04-11/],
    [14, 3, 513, 0, 'Exchange Server 2010 (14.3.513.0)', /since 2020-10-13/],
    [8, 3, 83, 6, 'Exchange Server 2007 (8.3.83.6)', /since 2017-04-11/],
    [99, 0, 0, 0, 'An unknown version of Exchange (99.0.0.0)', undefined],
  ])('%i.%i.%i.%i is %s', (MajorVersion, MinorVersion, MajorBuildNumber, MinorBuildNumber, name, advice) => {
    const version = { MajorVersion, MinorVersion, MajorBuildNumber, MinorBuildNumber };
    expect(describeVersion(version)).toBe(name);
    if (advice === undefined) expect(adviceOnVersion(version)).toBeUndefined();
    else expect(adviceOnVersion(version)).toMatch(advice);
  });
});
