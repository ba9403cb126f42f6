import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { SendWindow } from '../../../component/xmpp/send-window.ts';

describe('the send window', () => {
  test('gives bulk traffic two windows, one at a time', () => {
    const window = new SendWindow(500);
    expect(window.room()).toBe(500);
    expect(window.wrote(500)).toBe(true);
    window.end('a');
    expect(window.room()).toBe(500);
    expect(window.wrote(500)).toBe(true);
    window.end('b');
    expect(window.room()).toBe(0);
    window.acknowledge('a');
    expect(window.room()).toBe(500);
  });

  test('is not full before its last stanza', () => {
    const window = new SendWindow(3);
    expect([window.wrote(1), window.wrote(1), window.wrote(1)]).toEqual([false, false, true]);
  });

  test('counts replies, which ask for no room, against bulk traffic', () => {
    const window = new SendWindow(10);
    window.wrote(25);
    window.end('a');
    expect(window.room()).toBe(0);
    expect(window.unacknowledged).toBe(25);
    window.acknowledge('a');
    expect(window.room()).toBe(10);
  });

  test('acknowledges all windows before the one that was answered', () => {
    const window = new SendWindow(2);
    for (const id of ['a', 'b', 'c']) {
      window.wrote(2);
      window.end(id);
    }
    expect(window.acknowledge('b')).toEqual(['a', 'b']);
    expect(window.unacknowledged).toBe(2);
    expect(window.awaited).toBe(1);
  });

  test('is not moved by an id that it does not know, or no longer', () => {
    const window = new SendWindow(2);
    window.wrote(2);
    window.end('a');
    expect(window.acknowledge('x')).toEqual([]);
    window.acknowledge('a');
    expect(window.acknowledge('a')).toEqual([]);
    expect(window.unacknowledged).toBe(0);
  });

  test.each([0, -1, 1.5, Number.NaN])('refuses the size %s', (size) => {
    expect(() => new SendWindow(size)).toThrow(RangeError);
  });

  type Step =
    | { do: 'bulk'; count: number }
    | { do: 'reply'; count: number }
    | { do: 'end' }
    | { do: 'acknowledge'; which: number };

  const step: fc.Arbitrary<Step> = fc.oneof(
    fc.record({ do: fc.constant('bulk' as const), count: fc.integer({ min: 1, max: 30 }) }),
    fc.record({ do: fc.constant('reply' as const), count: fc.integer({ min: 1, max: 5 }) }),
    fc.record({ do: fc.constant('end' as const) }),
    fc.record({ do: fc.constant('acknowledge' as const), which: fc.nat(20) }),
  );

  test('never lets bulk traffic have more than two windows unacknowledged, and always goes on when all is acknowledged', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 20 }), fc.array(step, { maxLength: 200 }), (size, steps) => {
        const window = new SendWindow(size);
        // The model: every stanza in the order written, and whether bulk traffic wrote it.
        let unacknowledged: ('bulk' | 'reply')[] = [];
        let ends: { id: string; behind: number }[] = [];
        let ids = 0;
        const end = () => {
          const id = String(ids++);
          window.end(id);
          ends.push({ id, behind: unacknowledged.length });
        };
        const write = (kind: 'bulk' | 'reply', count: number) => {
          unacknowledged.push(...Array<typeof kind>(count).fill(kind));
          if (window.wrote(count)) end();
        };
        for (const action of steps) {
          if (action.do === 'bulk') {
            const count = Math.min(action.count, window.room());
            if (count > 0) write('bulk', count);
            expect(unacknowledged.filter((kind) => kind === 'bulk').length).toBeLessThanOrEqual(2 * size);
            if (count > 0) expect(unacknowledged.length).toBeLessThanOrEqual(2 * size);
          } else if (action.do === 'reply') {
            write('reply', action.count);
          } else if (action.do === 'end') {
            end();
          } else if (ends.length > 0) {
            const which = action.which % ends.length;
            const { id, behind } = ends[which] as { id: string; behind: number };
            window.acknowledge(id);
            unacknowledged = unacknowledged.slice(behind);
            ends = ends.slice(which + 1).map((later) => ({ id: later.id, behind: later.behind - behind }));
          }
          expect(window.unacknowledged).toBe(unacknowledged.length);
          expect(window.awaited).toBe(ends.length);
          expect(window.room()).toBeLessThanOrEqual(size);
          expect(window.room()).toBeGreaterThanOrEqual(0);
          // Either there is room, or something is under way whose acknowledgement makes some.
          expect(window.room() > 0 || window.awaited > 0).toBe(true);
        }
        end();
        window.acknowledge(String(ids - 1));
        expect(window.unacknowledged).toBe(0);
        expect(window.room()).toBe(size);
      }),
    );
  });
});
