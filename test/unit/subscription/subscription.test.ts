import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { react, type Standing, type SubscriptionEvent } from '../../../component/subscription/subscription.ts';

const subscribe = (permission: 'yes' | 'no' | 'full', mailbox: 'known' | 'not-found' | 'unanswered') =>
  ({ type: 'subscribe', permission, mailbox }) as const;
const probe = (permission: 'yes' | 'no' | 'full', mailbox: 'known' | 'not-found' | 'unanswered') =>
  ({ type: 'probe', permission, mailbox }) as const;

type Row = [Standing, SubscriptionEvent, Standing, string[]];

describe('what a watcher’s standing becomes, and what the watcher is told', () => {
  test.each<Row>([
    ['none', subscribe('yes', 'known'), 'subscribed', ['subscribed', 'presence']],
    ['none', subscribe('yes', 'unanswered'), 'pending', []],
    ['none', subscribe('yes', 'not-found'), 'none', ['unsubscribed']],
    ['none', subscribe('no', 'known'), 'none', ['unsubscribed']],
    ['none', subscribe('full', 'known'), 'none', ['unsubscribed']],
    ['pending', subscribe('yes', 'unanswered'), 'pending', []],
    ['pending', subscribe('yes', 'known'), 'subscribed', ['subscribed', 'presence']],
    ['pending', subscribe('full', 'known'), 'subscribed', ['subscribed', 'presence']],
    ['pending', subscribe('yes', 'not-found'), 'none', ['unsubscribed']],
    ['subscribed', subscribe('yes', 'known'), 'subscribed', ['subscribed', 'presence']],
    ['subscribed', subscribe('full', 'unanswered'), 'subscribed', ['subscribed', 'presence']],
    ['subscribed', subscribe('yes', 'not-found'), 'subscribed', ['subscribed', 'presence']],
    ['subscribed', subscribe('no', 'known'), 'none', ['unavailable', 'unsubscribed']],
    ['none', probe('yes', 'known'), 'subscribed', ['presence']],
    ['none', probe('yes', 'unanswered'), 'subscribed', ['presence']],
    ['none', probe('yes', 'not-found'), 'none', ['unavailable']],
    ['none', probe('full', 'known'), 'none', ['unavailable']],
    ['none', probe('full', 'unanswered'), 'none', ['unavailable']],
    ['none', probe('no', 'known'), 'none', ['unsubscribed']],
    ['pending', probe('yes', 'known'), 'subscribed', ['subscribed', 'presence']],
    ['pending', probe('yes', 'unanswered'), 'pending', ['unavailable']],
    ['subscribed', probe('yes', 'known'), 'subscribed', ['presence']],
    ['subscribed', probe('full', 'not-found'), 'subscribed', ['presence']],
    ['subscribed', probe('no', 'known'), 'none', ['unavailable', 'unsubscribed']],
    ['none', { type: 'unsubscribe' }, 'none', []],
    ['pending', { type: 'unsubscribe' }, 'none', []],
    ['subscribed', { type: 'unsubscribe' }, 'none', ['unavailable']],
    ['pending', { type: 'answer', mailbox: 'known' }, 'subscribed', ['subscribed', 'presence']],
    ['pending', { type: 'answer', mailbox: 'not-found' }, 'none', ['unsubscribed']],
    ['subscribed', { type: 'answer', mailbox: 'not-found' }, 'subscribed', []],
    ['none', { type: 'answer', mailbox: 'known' }, 'none', []],
    ['subscribed', { type: 'gone' }, 'none', ['unavailable', 'unsubscribed']],
    ['pending', { type: 'gone' }, 'none', ['unsubscribed']],
    ['none', { type: 'gone' }, 'none', []],
  ])('%s, %o → %s, %o', (standing, event, next, say) => {
    expect(react(standing, event)).toEqual({ standing: next, say });
  });
});

const permission = fc.constantFrom('yes' as const, 'no' as const, 'full' as const);
const mailbox = fc.constantFrom('known' as const, 'not-found' as const, 'unanswered' as const);
const event: fc.Arbitrary<SubscriptionEvent> = fc.oneof(
  fc.record({ type: fc.constantFrom('subscribe' as const, 'probe' as const), permission, mailbox }),
  fc.constant({ type: 'unsubscribe' as const }),
  fc.record({ type: fc.constant('answer' as const), mailbox: fc.constantFrom('known' as const, 'not-found' as const) }),
  fc.constant({ type: 'gone' as const }),
);
const story = fc.array(event, { maxLength: 40 });

/** Runs a story and gives each step to the check. */
function follow(
  events: readonly SubscriptionEvent[],
  check: (step: { before: Standing; event: SubscriptionEvent; after: Standing; say: readonly string[] }) => void,
): void {
  let standing: Standing = 'none';
  for (const happening of events) {
    const { standing: after, say } = react(standing, happening);
    check({ before: standing, event: happening, after, say });
    standing = after;
  }
}

describe('through every story', () => {
  test('presence is told only to one who is subscribed', () => {
    fc.assert(
      fc.property(story, (events) =>
        follow(events, ({ after, say }) => {
          if (say.includes('presence')) expect(after).toBe('subscribed');
        }),
      ),
    );
  });

  test('only one who asked becomes subscribed: no answer of Exchange makes a subscription of none', () => {
    fc.assert(
      fc.property(story, (events) =>
        follow(events, ({ before, event: { type }, after }) => {
          if (before === 'none' && after !== 'none') expect(['subscribe', 'probe']).toContain(type);
        }),
      ),
    );
  });

  test('a roster entry is destroyed only by policy, by Exchange’s word on a request, or by a mailbox long gone', () => {
    fc.assert(
      fc.property(story, (events) =>
        follow(events, ({ before, event: happening, say }) => {
          if (!say.includes('unsubscribed')) return;
          const byPolicy = 'permission' in happening && happening.permission !== 'yes';
          const byExchange = 'mailbox' in happening && happening.mailbox === 'not-found' && before !== 'subscribed';
          expect(byPolicy || byExchange || happening.type === 'gone').toBe(true);
          // A probe comes from a roster that has us: only policy ends that.
          if (happening.type === 'probe') expect(happening.permission).toBe('no');
        }),
      ),
    );
  });

  test('whoever saw presence and loses the subscription is told that it ends', () => {
    fc.assert(
      fc.property(story, (events) =>
        follow(events, ({ before, after, say }) => {
          if (before === 'subscribed' && after === 'none') expect(say[0]).toBe('unavailable');
        }),
      ),
    );
  });

  test('the same request again gets the same answer', () => {
    fc.assert(
      fc.property(story, permission, mailbox, (events, may, known) => {
        let standing: Standing = 'none';
        follow(events, (step) => {
          standing = step.after;
        });
        const request = { type: 'subscribe', permission: may, mailbox: known } as const;
        const first = react(standing, request);
        const second = react(first.standing, request);
        expect(second.standing).toBe(first.standing);
        expect(second.say.filter((saying) => saying !== 'unavailable')).toEqual(
          first.say.filter((saying) => saying !== 'unavailable'),
        );
      }),
    );
  });
});
