import { CalendarSourceError } from '../../../component/calendar/calendar-source-error.ts';
import type { EwsTransport } from '../http/ews-transport.ts';
import { kindOfResponseCode } from '../response-code.ts';
import { type BodyHandler, SoapReader } from '../xml/soap.ts';
import { ADVICE_THROTTLING } from './advice.ts';
import type { CheckFinding } from './check-finding.ts';

/** More than these say nothing more. */
const MOST = 10;

/** What a server's answers, whatever they were to, show of its throttling. */
export class ThrottlingSigns {
  readonly #busy = new Set<string>();
  /** X-RateLimit-*: a budget that is not used up. */
  readonly #limits = new Map<string, string>();
  #answers = 0;
  #isLetIn = false;

  /** Whether EWS has answered a question: whoever hears that was let in, whatever the answer was. */
  get isLetIn(): boolean {
    return this.#isLetIn;
  }

  /** The same transport, whose answers are looked at. */
  watch(inner: EwsTransport): EwsTransport {
    return {
      url: inner.url,
      close: () => inner.close(),
      post: async (request, sink) => {
        const codes = new BusyCodes();
        const soap = new SoapReader(codes);
        // An answer that is followed is a stream of many messages.
        const isStream = request.onAnswer !== undefined;
        const answer = await inner.post(request, (text) => {
          if (!isStream) soap.write(text);
          sink(text);
        });
        this.#answers++;
        const { status, headers } = answer;
        if (status === 429 || status === 503) this.#note(this.#busy, `HTTP ${status}`);
        const wait = headers.get('retry-after');
        if (wait !== undefined) this.#note(this.#busy, `Retry-After ${wait.slice(0, 40)}`);
        for (const [name, value] of headers) {
          if (name.startsWith('x-ratelimit-') && this.#limits.size < MOST) this.#limits.set(name, value.slice(0, 40));
        }
        if (!isStream) this.#read(soap, codes, status);
        return answer;
      },
    };
  }

  /** Takes note of a step's failure. */
  failed(error: unknown): void {
    if (!(error instanceof CalendarSourceError) || error.kind !== 'throttled') return;
    // Without a code it is a status, which the answer has shown.
    if (error.code !== undefined) this.#note(this.#busy, error.code);
  }

  /** What was seen; undefined when there was no answer to look at. */
  get finding(): CheckFinding | undefined {
    const limits = [...this.#limits].map(([name, value]) => `${name}: ${value}`).join(', ');
    if (this.#busy.size > 0) {
      const seen = `busy: ${[...this.#busy].join(', ')}${limits === '' ? '' : `; ${limits}`}`;
      return { step: 'throttling', severity: 'warning', seen, advice: ADVICE_THROTTLING };
    }
    if (this.#answers === 0) return undefined;
    if (limits !== '') return { step: 'throttling', severity: 'info', seen: `a budget is counted: ${limits}` };
    const answers = this.#answers === 1 ? '1 answer' : `${this.#answers} answers`;
    return { step: 'throttling', severity: 'ok', seen: `no sign of it in ${answers}` };
  }

  #read(soap: SoapReader, { codes }: BusyCodes, status: number): void {
    const { fault, backOff, problem } = soap.end();
    if (status === 200 && problem === undefined && fault === undefined) this.#isLetIn = true;
    const said = fault?.code === undefined ? codes : [...codes, fault.code];
    for (const code of said) if (kindOfResponseCode(code) === 'throttled') this.#note(this.#busy, code);
    if (backOff !== undefined) this.#note(this.#busy, `BackOffMilliseconds ${backOff}`);
  }

  #note(signs: Set<string>, sign: string): void {
    if (signs.size < MOST) signs.add(sign);
  }
}

class BusyCodes implements BodyHandler {
  readonly codes = new Set<string>();

  open(): void {}

  close(name: string, text: string): void {
    if (name.endsWith(':ResponseCode') && this.codes.size < MOST) this.codes.add(text.trim());
  }
}
