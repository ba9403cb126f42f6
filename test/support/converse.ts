// Converse.js, a Jabber client that is not ours, as a page of a private Prosody: mod_http_files serves it, and it speaks
// XMPP over mod_websocket (RFC 7395).

import { symlinkSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Browser, Page } from 'playwright-core';
import { freePort } from './free-port.ts';
import type { ProsodyOptions } from './prosody.ts';
import { makeTempFolder } from './temp-folder.ts';

export interface ConverseSite {
  readonly url: string;
  /** What Prosody needs to serve it: for `startProsody`. */
  readonly prosody: Required<Pick<ProsodyOptions, 'modules' | 'extraConfig'>>;
  remove(): void;
}

export type Account = { readonly jid: string; readonly password: string };

export interface Converse {
  readonly page: Page;
  /** Resolves when the contact's dot in the roster says so; `limit` in milliseconds, default 20,000. */
  untilDot(contact: string, says: 'online' | 'busy' | 'away' | 'offline', limit?: number): Promise<void>;
  /** Opens the conversation with a contact, whose head has the text of its status. */
  open(contact: string): Promise<void>;
  /** Resolves when the head of the open conversation has this text; '': none. `limit` as above. */
  untilText(text: string, limit?: number): Promise<void>;
}

/** Puts the page into a folder of its own. */
export async function makeConverseSite(): Promise<ConverseSite> {
  const port = await freePort();
  const folder = makeTempFolder();
  const program = fileURLToPath(import.meta.resolve('converse.js/dist/converse.min.js'));
  symlinkSync(dirname(program), folder.file('converse'));
  folder.write('index.html', PAGE);
  return {
    url: `http://127.0.0.1:${port}/`,
    prosody: {
      modules: ['websocket', 'http_files'],
      // `http_host` says to which virtual host requests for 127.0.0.1 belong.
      extraConfig: `
http_ports = { ${port} }
https_ports = {}
http_interfaces = { "127.0.0.1" }
http_host = "127.0.0.1"
http_paths = { files = "/" }
http_files_dir = ${JSON.stringify(folder.path)}
consider_websocket_secure = true
`,
    },
    remove: () => folder.remove(),
  };
}

/** Opens the page, as a screen with fine dots shows it, and logs in. Goes with its browser. */
export async function openConverse(browser: Browser, site: ConverseSite, account: Account): Promise<Converse> {
  const page = await browser.newPage({ viewport: { width: 768, height: 420 }, deviceScaleFactor: 2, locale: 'en-GB' });
  await page.goto(site.url);
  await page.evaluate(({ jid, password }) => Reflect.get(globalThis, 'logIn')(jid, password), account);
  await page.locator('converse-roster').waitFor();
  const text = page.locator('.chat-head__desc');
  return {
    page,
    async untilDot(contact, says, limit = 20_000) {
      const dot = page.locator(`a[data-jid="${contact}"] converse-icon.chat-status[title="This contact is ${says}"]`);
      await dot.waitFor({ timeout: limit });
    },
    async open(contact) {
      await page.locator(`a[data-jid="${contact}"]`).click();
      await page.locator(`converse-chat-heading [title="${contact}"]`).waitFor();
      // What the mouse rests on looks different.
      await page.mouse.move(600, 200);
    },
    async untilText(wanted, limit = 20_000) {
      if (wanted === '') await text.waitFor({ state: 'detached', timeout: limit });
      else await text.getByText(wanted, { exact: true }).waitFor({ timeout: limit });
    },
  };
}

// Converse.js 14.0 keeps the text of a contact's status, and the head of a conversation has a place for it, but nothing
// brings it there, and it would be in the colour of its background: seen in its source (roster/contacts.js,
// chat-head.js, chat-head.scss) and on the screen. The plugin brings it there, the style makes it legible.
const PAGE = `<!doctype html>
<meta charset="utf-8">
<title>Converse</title>
<link rel="stylesheet" href="/converse/converse.min.css">
<style>.conversejs .chat-head__desc { color: var(--chat-header-fg-color) !important }</style>
<body class="converse-fullscreen">
<script type="module">
import converse from '/converse/converse.min.js';

converse.plugins.add('status-text', {
  initialize() {
    const { api } = this._converse;
    const show = async (contact) => (await api.chats.get(contact.get('jid')))?.set('status', contact.get('status'));
    api.listen.on('rosterContactInitialized', (contact) => contact.on('change:status', () => show(contact)));
    api.listen.on('chatBoxInitialized', async (chat) => {
      const contact = await api.contacts.get(chat.get('jid'));
      if (contact) show(contact);
    });
  },
});

globalThis.logIn = (jid, password) => {
  converse.initialize({
    jid, password, authentication: 'login', auto_login: true,
    websocket_url: 'ws://' + location.host + '/xmpp-websocket', discover_connection_methods: false,
    assets_path: '/converse/', view_mode: 'fullscreen', theme: 'classic', i18n: 'en', show_desktop_notifications: false,
    roster_groups: false, show_self_in_roster: false,
    whitelisted_plugins: ['status-text'], blacklisted_plugins: ['converse-omemo', 'converse-omemo-views'],
  });
};
</script>
`;
