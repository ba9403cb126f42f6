import { setTimeout as sleep } from 'node:timers/promises';
import { preciseNow } from './raw-sink.ts';

export type Question = {
  /** A bare JID. */
  readonly contact: string;
  /** The full JID that asks; each once. */
  readonly client: string;
};
/** The presence that came, and after how many milliseconds. */
export type Answer = Question & { readonly stanza: string; readonly latency: number };

const ADDRESSEE = /^<presence\b[^>]*?\bto=["']([^"']*)["']/;

/** Presence probes (RFC 6121 §4.3), as a server sends them for clients that log in, and how long the answers take. */
export class Probes {
  readonly #write: (stanza: string) => void;
  readonly #asked = new Map<string, { question: Question; at: number; resolve: (answer: Answer) => void }>();

  constructor(write: (stanza: string) => void) {
    this.#write = write;
  }

  /** A stanza that came; it may be anything. */
  received(stanza: string, at: number): void {
    if (this.#asked.size === 0) return;
    const client = ADDRESSEE.exec(stanza)?.[1] ?? '';
    const one = this.#asked.get(client);
    if (one === undefined) return;
    this.#asked.delete(client);
    one.resolve({ ...one.question, stanza, latency: at - one.at });
  }

  /** One after the other, `pause` milliseconds apart; resolves when all are answered. */
  async ask(questions: readonly Question[], pause: number, limit: number): Promise<Answer[]> {
    const answers = questions.map(async (question, index) => {
      if (pause > 0) await sleep(index * pause);
      const answered = new Promise<Answer>((resolve) => {
        this.#asked.set(question.client, { question, at: preciseNow(), resolve });
      });
      this.#write(`<presence type='probe' from='${question.client}' to='${question.contact}'/>`);
      return answered;
    });
    const late = sleep(limit, undefined, { ref: false }).then(() => {
      throw new Error(`${this.#asked.size} of ${questions.length} probes have no answer after ${limit} ms`);
    });
    return Promise.race([Promise.all(answers), late]);
  }
}

const ends = { p: '</presence>', i: '</iq>', m: '</message>', h: '</handshake>' } as const;

/** Hands over each whole stanza of a text, and returns what is left. */
export function eachStanza(text: string, hand: (stanza: string) => void): string {
  let from = 0;
  for (;;) {
    const start = text.indexOf('<', from);
    if (start < 0) return '';
    const tagEnd = text.indexOf('>', start);
    if (tagEnd < 0) return text.slice(start);
    const end = ends[text[start + 1] as keyof typeof ends];
    let last = tagEnd + 1;
    if (end !== undefined && text[tagEnd - 1] !== '/') {
      const close = text.indexOf(end, tagEnd);
      if (close < 0) return text.slice(start);
      last = close + end.length;
    }
    hand(text.slice(start, last));
    from = last;
  }
}
