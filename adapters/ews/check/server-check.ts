import { SECOND } from '../../../component/runtime/clock.ts';
import { createEwsTransport, defaultEwsLimits } from '../http/ews-transport.ts';
import { checkAutomaticReplies } from './automatic-replies-check.ts';
import type { AccountContext, ServerCheckOptions } from './check-context.ts';
import type { Findings } from './check-finding.ts';
import { askForMailbox } from './free-busy-check.ts';
import { checkHttp } from './http-check.ts';
import { checkImpersonation } from './impersonation-check.ts';
import { checkNetwork, targetOf } from './network-check.ts';
import { ThrottlingSigns } from './throttling-signs.ts';
import { checkToken } from './token-check.ts';
import { checkVersion } from './version-check.ts';

/**
 * Checks a server at its address, step by step, as far as what is configured for it goes.
 *
 * Findings come as they are made. After a step that the others depend on has failed, none follows: there is one log-on
 * at most with a wrong password. Each step has a limit. A finding names the mailbox and the hosts, never a secret.
 *
 * @throws RangeError when the URL, the certificates or the proxy can't be used; the signal's reason when aborted
 */
export async function* checkServer(options: ServerCheckOptions): Findings {
  const limits = { ...defaultEwsLimits, ...options.limits };
  const inner = createEwsTransport({ ...options, connections: 2 });
  const url = new URL(inner.url);
  const signs = new ThrottlingSigns();
  const context = { ...options, transport: signs.watch(inner), requestLimit: limits.request };
  const { ca, proxy, clock, signal } = options;
  const { scheme } = options.credentials;
  const tls = url.protocol === 'https:' ? { ca } : undefined;
  const before = [
    () => checkNetwork({ ...targetOf(url), tls, proxy, limit: limits.connect, clock, signal }),
    () => checkHttp({ url, scheme, ca, proxy, limit: Math.min(limits.headers, 10 * SECOND), clock, signal }),
  ];
  try {
    for (const check of before) {
      for await (const finding of check()) {
        yield finding;
        if (finding.severity === 'error') return;
      }
    }
    yield* checkAccount(context, signs);
    if (signs.finding !== undefined) yield signs.finding;
  } finally {
    await inner.close();
  }
}

async function* checkAccount(context: AccountContext, signs: ThrottlingSigns): Findings {
  for await (const finding of checkToken(context)) {
    yield finding;
    if (finding.severity === 'error') return;
  }
  const { findings, isServed, hasMailbox } = await askForMailbox(context, signs);
  for (const finding of findings) yield finding;
  if (!isServed) return;
  yield await checkVersion(context, signs);
  const further = hasMailbox ? context : { ...context, mailbox: undefined };
  yield* checkImpersonation(further, signs);
  if (context.automaticReplies === true) yield await checkAutomaticReplies(further, signs);
}
