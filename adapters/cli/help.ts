export const help = `presence-gateway: shows meetings from Microsoft Exchange as presence in Jabber (XMPP) clients

Usage
  presence-gateway run                        run the gateway until SIGTERM or Ctrl-C
  presence-gateway check                      check every configured Exchange server and the way to the XMPP server
  presence-gateway config validate            say what is wrong in the configuration, with the line to mend
  presence-gateway config schema              print the configuration's JSON Schema (for editors)
  presence-gateway subscriptions list         show who watches whom
  presence-gateway subscriptions export       write all subscriptions out, also while the gateway runs
  presence-gateway subscriptions import FILE  read subscriptions in, while the gateway does not run (-: standard input)

Options
  -c, --config FILE   the configuration (default: gateway.yaml here, or else /etc/presence-gateway/gateway.yaml)
      --mailbox ADDR  check: the mailbox to ask its server for (other servers: their sampleMailbox)
      --server NAME   check: only this server, and not the XMPP server; may be given more than once
      --json          check: one JSON object a line, the last of them a summary (README.md has its keys)
                      subscriptions list: one JSON object a line
      --contact X     subscriptions list: only those of this contact
      --watcher JID   subscriptions list: only those of this watcher
      --limit N       subscriptions list: at most so many
  -o, --output FILE   subscriptions export: where to (default: standard output)
      --format F      subscriptions export: csv, or json: an object a line (default: as FILE ends, else csv)
                      subscriptions import: csv, or json: an object a line, or an array (default: as FILE begins)
      --dry-run       subscriptions import: say what is wrong and what would be done; also while the gateway runs
      --skip-invalid  subscriptions import: leave out what is wrong and import the rest (default: import nothing)
  -h, --help          this text
  -V, --version       the version

Subscriptions in files
  contact  its local part (alice) or its JID (alice@calendar.example.com)
  watcher  a bare JID (bob@example.com) that the policy in the configuration lets watch
  state    subscribed (default), or pending: Exchange has not yet been asked for the mailbox
  since    ISO 8601, as in 2026-03-02T09:00:00Z (default: now)
  CSV begins with a line that names the columns. Subscriptions that are there already are left as they are.
  An import is for restoring, moving and provisioning. It does not touch rosters, which are the XMPP server's: a watcher
  without the contact in its roster is sent presence when it changes, and is not told how things stand when it logs in.

Exit codes
  0   all went well (check: nothing worse than info)
  1   check: something does not work (the worst is an error)
  2   check: all works, and something should be mended (the worst is a warning)
  64  the command line is wrong
  65  subscriptions import: something in the file is wrong; nothing was imported
  66  subscriptions import: the file can't be read
  70  a fault of the gateway itself
  74  the database can't be used (by an import: also while a gateway runs), or the output can't be written
  78  the configuration can't be used; nothing was started
`;
