// Debian's Chromium without a window, for clients that run in a browser.

import { existsSync } from 'node:fs';
import { type Browser, chromium } from 'playwright-core';

const PROGRAM = '/usr/bin/chromium';

/** Starts a browser that reaches nothing but this machine. The caller closes it. */
export async function startChromium(): Promise<Browser> {
  if (!existsSync(PROGRAM)) {
    throw new Error('Chromium is missing; `node test/support/prepare.mjs --clients` installs it');
  }
  return chromium.launch({
    executablePath: PROGRAM,
    args: [
      // Chromium refuses to run as root with its sandbox; it shows our own page only.
      '--no-sandbox',
      // Converse.js asks the Internet for the logos of its sponsors.
      '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1',
    ],
  });
}
