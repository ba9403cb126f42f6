import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Arrival, scanPresences } from '../../bench/support/raw-sink.ts';

const TEXT = [
  `<presence from='a@x/1' to='b@y' id='1'/>`,
  `<presence to="b@y" type="unavailable" from="c@x/1"></presence>`,
  `<iq type='get' id='q'/>`,
  `<presence from='d@x/1' id='3'><show>dnd</show><status>5 &gt; 4, in a m\u00e9eting</status><x/></presence>`,
].join('');

const FOUND = [
  { at: 7, from: 'a@x/1', id: '1', type: '', show: '' },
  { at: 7, from: 'c@x/1', id: '', type: 'unavailable', show: '' },
  { at: 7, from: 'd@x/1', id: '3', type: '', show: 'dnd' },
];

describe('the scan for presences', () => {
  test('finds each presence with its sender, id, type and show, and leaves other stanzas alone', () => {
    expect(scanPresences(TEXT, 7).arrivals).toEqual(FOUND);
  });

  test('finds the same, wherever the text is cut into chunks', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: TEXT.length })), (cuts) => {
        const borders = [0, ...cuts.sort((a, b) => a - b), TEXT.length];
        const found: Arrival[] = [];
        let rest = '';
        for (let index = 1; index < borders.length; index++) {
          const scanned = scanPresences(rest + TEXT.slice(borders[index - 1], borders[index]), 7);
          rest = scanned.rest;
          found.push(...scanned.arrivals);
        }
        expect(found).toEqual(FOUND);
      }),
    );
  });
});
