export const help = `presence-gateway: shows meetings from Microsoft Exchange as presence in Jabber (XMPP) clients

Usage
  presence-gateway run               run the gateway until SIGTERM or Ctrl-C
  presence-gateway check             check every configured Exchange server and the way to the XMPP server, step by step
  presence-gateway config validate   say what is wrong in the configuration, with the line to mend
  presence-gateway config schema     print the configuration's JSON Schema (for editors)

Options
  -c, --config FILE   the configuration (default: gateway.yaml here, or else /etc/presence-gateway/gateway.yaml)
      --mailbox ADDR  check: the mailbox to ask its server for (other servers: their sampleMailbox)
      --server NAME   check: only this server, and not the XMPP server; may be given more than once
      --json          check: one JSON object a line, the last of them a summary (README.md has its keys)
  -h, --help          this text
  -V, --version       the version

Exit codes
  0   all went well (check: nothing worse than info)
  1   check: something does not work (the worst is an error)
  2   check: all works, and something should be mended (the worst is a warning)
  64  the command line is wrong
  70  a fault of the gateway itself
  74  the database can't be used, or the output can't be written
  78  the configuration can't be used; nothing was started
`;
