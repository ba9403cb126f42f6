import type { Column } from './fault.ts';

/** What was seen in each cell, for people. */
export class Table {
  readonly #rows = new Map<string, Partial<Record<Column, string>>>();

  add(fault: string, column: Column, seen: string): void {
    this.#rows.set(fault, { ...this.#rows.get(fault), [column]: seen });
  }

  print(): void {
    const lines = [...this.#rows].flatMap(([fault, cells]) => [
      fault,
      ...(['sweep', 'streaming', 'check'] as const).flatMap((column) =>
        cells[column] === undefined ? [] : [`    ${column.padEnd(10)} ${cells[column]}`],
      ),
    ]);
    if (lines.length > 0) process.stdout.write(`\n${lines.join('\n')}\n\n`);
  }
}

/** Milliseconds as minutes and seconds. */
export function time(milliseconds: number): string {
  const seconds = Math.round(milliseconds / 1000);
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
}
