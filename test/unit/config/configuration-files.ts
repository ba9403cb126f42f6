import { ConfigurationError } from '../../../config/configuration-error.ts';
import { type LoadedConfiguration, loadConfiguration } from '../../../config/load.ts';
import { makeTempFolder, type TempFolder } from '../../support/temp-folder.ts';

/** The least that works. */
export const minimal = `xmpp:
  domain: calendar.example.com
  secretFile: component-secret
exchange:
  servers:
    - name: hq
      url: https://mail.example.com/EWS/Exchange.asmx
      username: svc-presence
      passwordFile: exchange-password
directory:
  rule: '{local}@example.com'
watchers:
  domains: [example.com]
`;

/** `minimal` with one line put in the place of another, or below it. */
export function change(line: string, replacement: string): string {
  if (!minimal.includes(`${line}\n`)) throw new Error(`no such line: ${line}`);
  return minimal.replace(`${line}\n`, () => `${replacement}\n`);
}

export function addBelow(line: string, addition: string): string {
  return change(line, `${line}\n${addition}`);
}

/** A folder with the secrets that `minimal` names. */
export function makeConfigurationFolder(): TempFolder {
  const folder = makeTempFolder();
  folder.write('component-secret', 'xmpp-s3cret\n');
  folder.write('exchange-password', 'ews-s3cret\n');
  return folder;
}

export async function load(
  folder: TempFolder,
  yaml: string | Buffer,
  env: NodeJS.ProcessEnv = {},
): Promise<LoadedConfiguration> {
  return loadConfiguration(folder.write('gateway.yaml', yaml as string), env);
}

/** The lines of the error that a text gets, with the folder's name taken out. */
export async function problemsOf(
  folder: TempFolder,
  yaml: string | Buffer,
  env: NodeJS.ProcessEnv = {},
): Promise<readonly string[]> {
  try {
    await load(folder, yaml, env);
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    return error.message.replaceAll(`${folder.path}/`, '').split('\n');
  }
  return [];
}
