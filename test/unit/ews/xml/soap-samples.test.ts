import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { XmlDocument, type XmlElement } from 'libxml2-wasm';
import { describe, expect, test } from 'vitest';
import { GetUserAvailabilityReader } from '../../../../adapters/ews/get-user-availability.ts';
import { SoapReader } from '../../../../adapters/ews/xml/soap.ts';

// Published messages are not ours to ship: EWS_SAMPLES names a folder that has them.
const folder = process.env.EWS_SAMPLES ?? '';
const samples = folder === '' ? [] : readdirSync(folder).filter((name) => name.endsWith('.xml'));
const window = { start: Date.UTC(2000, 0), end: Date.UTC(2030, 0) };

/** Every element inside the body as it closes, by namespace and local name, and its text if it has no children. */
function readWithLibxml(text: string): string[] | undefined {
  let document: XmlDocument;
  try {
    document = XmlDocument.fromString(text);
  } catch {
    return undefined;
  }
  try {
    const elements = document.find('/*/*[local-name()="Body"]//*[not(*)]') as XmlElement[];
    return elements.map(({ name, content }) => `${name}=${content.replace(/\s+/g, ' ').trim()}`);
  } finally {
    document.dispose();
  }
}

function readOurselves(text: string) {
  const leaves: string[] = [];
  let isLeaf = false;
  const soap = new SoapReader({
    open() {
      isLeaf = true;
    },
    close(name, content) {
      if (isLeaf) leaves.push(`${name.slice(name.indexOf(':') + 1)}=${content.replace(/\s+/g, ' ').trim()}`);
      isLeaf = false;
    },
  });
  soap.write(text);
  return { ...soap.end(), leaves };
}

describe.skipIf(folder === '')('published messages (skipped unless EWS_SAMPLES names their folder)', () => {
  test('are there', () => {
    expect(samples.length).toBeGreaterThan(30);
  });

  test.each(samples)('%s is read as libxml2 reads it', (name) => {
    const text = readFileSync(join(folder, name), 'utf8');
    const theirs = readWithLibxml(text);
    const ours = readOurselves(text);
    if (theirs === undefined) expect(ours.problem).toBeDefined();
    else if (!/<(\w+:)?Envelope[\s>]/.test(text)) expect(ours.problem).toMatch(/^an XML document </);
    else {
      expect(ours.problem).toBeUndefined();
      if (ours.fault === undefined) expect(ours.leaves).toEqual(theirs);
      else expect([ours.fault.code ?? '', ours.fault.text].join(' ')).toMatch(/Error\w+|Exception/);
    }
  });

  test('of GetUserAvailability give the entries that they show', () => {
    const reader = new GetUserAvailabilityReader(window);
    const soap = new SoapReader(reader);
    const text = readFileSync(join(folder, 'GetUserAvailability-02-response.xml'), 'utf8');
    soap.write(text);
    expect(soap.end().problem).toBeUndefined();
    const answers = reader.answers(['alice@example.com', 'bob@example.com'], undefined);
    const periods = answers.flatMap((answer) => ('periods' in answer ? answer.periods : []));
    expect(periods).toHaveLength(text.match(/<CalendarEvent>/g)?.length ?? 0);
    expect(periods.every(({ start, end, status }) => start < end && status !== 'NoData')).toBe(true);
    expect(periods[0]).toEqual({
      ...{ start: Date.UTC(2006, 9, 16, 13), end: Date.UTC(2006, 9, 16, 13, 30) },
      status: 'Busy',
    });
  });

  test('say how long a busy server wants to be left alone', () => {
    const { fault, backOff } = readOurselves(readFileSync(join(folder, 'ErrorServerBusy-fault-BackOff.xml'), 'utf8'));
    expect(fault?.code).toBe('ErrorServerBusy');
    expect(backOff).toBeGreaterThan(0);
  });
});
