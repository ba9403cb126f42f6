import { existsSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { type Ended, runGateway } from '../support/gateway-command.ts';

function command(...words: string[]): Promise<Ended> {
  return runGateway(words);
}

describe('the command line', () => {
  test('tells its version and its usage', async () => {
    const [version, help] = await Promise.all([command('--version'), command('--help')]);
    expect(version).toMatchObject({ code: 0, stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/) });
    expect(help.code).toBe(0);
    for (const word of ['run', 'check', 'config validate', 'config schema', 'subscriptions import', 'Exit codes'])
      expect(help.stdout).toContain(word);
  });

  test.each([
    ['nothing', []],
    ['an unknown command', ['dance']],
    ['an unknown option', ['run', '--fast']],
    ['an option of check elsewhere', ['run', '--json']],
    ['an option of another subcommand', ['subscriptions', 'export', '--dry-run']],
    ['half a command', ['subscriptions']],
    ['an import of nothing', ['subscriptions', 'import']],
    ['a file too many', ['subscriptions', 'import', 'a.csv', 'b.csv']],
    ['a server that is not checked', ['config', 'validate', '--server', 'hq']],
  ])('ends with 64 and says why when it is %s', async (_, words) => {
    const { code, stdout, stderr } = await command(...words);
    expect([code, stdout]).toEqual([64, '']);
    expect(stderr).toMatch(/presence-gateway/);
  });

  test.skipIf(existsSync('/etc/presence-gateway/gateway.yaml'))(
    'says where it has looked for a configuration that nobody named',
    async () => {
      const { code, stderr } = await command('config', 'validate');
      expect(code).toBe(78);
      expect(stderr).toMatch(/no gateway\.yaml here, and no \/etc\/presence-gateway\/gateway\.yaml.*--config/);
    },
  );

  test('prints the JSON Schema of the configuration', async () => {
    const { code, stdout } = await command('config', 'schema');
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ type: 'object', properties: { xmpp: {}, exchange: {} } });
  });
});
