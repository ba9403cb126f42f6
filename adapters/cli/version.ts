import { existsSync, readFileSync } from 'node:fs';

/** The product's version: that of the package.json above this file, which stands deeper once it is compiled. */
export function productVersion(): string {
  for (let folder = new URL('.', import.meta.url); folder.pathname !== '/'; folder = new URL('..', folder)) {
    const file = new URL('package.json', folder);
    if (existsSync(file)) return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
  }
  return 'unknown';
}
