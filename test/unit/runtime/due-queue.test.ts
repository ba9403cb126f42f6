import fc from 'fast-check';
import { expect, test } from 'vitest';
import { DueQueue } from '../../../component/runtime/due-queue.ts';

test('keys come out in the order of their instants, and none before it is due', () => {
  const queue = new DueQueue<string>();
  queue.set('late', 30);
  queue.set('early', 10);
  queue.set('middle', 20);
  expect(queue.nextDue).toBe(10);
  expect(queue.takeDue(9)).toBeUndefined();
  expect([queue.takeDue(20), queue.takeDue(20), queue.takeDue(20)]).toEqual(['early', 'middle', undefined]);
  expect(queue.size).toBe(1);
});

test('whatever was set, moved and deleted, the queue agrees with a sorted list', () => {
  const step = fc.oneof(
    fc.record({ kind: fc.constant('set' as const), key: fc.nat(20), due: fc.nat(100) }),
    fc.record({ kind: fc.constant('delete' as const), key: fc.nat(20) }),
    fc.record({ kind: fc.constant('take' as const), now: fc.nat(100) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const queue = new DueQueue<number>();
      const model = new Map<number, number>();
      for (const action of steps) {
        if (action.kind === 'set') {
          queue.set(action.key, action.due);
          model.set(action.key, action.due);
        } else if (action.kind === 'delete') {
          expect(queue.delete(action.key)).toBe(model.delete(action.key));
        } else {
          const earliest = Math.min(...model.values());
          const taken = queue.takeDue(action.now);
          if (earliest > action.now) expect(taken).toBeUndefined();
          else {
            expect(model.get(taken as number)).toBe(earliest);
            model.delete(taken as number);
          }
        }
        expect(queue.size).toBe(model.size);
        expect(queue.nextDue).toBe(model.size === 0 ? undefined : Math.min(...model.values()));
      }
    }),
  );
});
