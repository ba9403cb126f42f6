import { execFile } from 'node:child_process';
import { gatewayProgram, root } from './gateway-program.ts';

export type CheckLine = {
  readonly server: string;
  readonly step: string;
  readonly severity: string;
  readonly seen: string;
  readonly advice?: string;
};

export type CheckSummary = {
  readonly worst: string;
  readonly counts: Readonly<Record<string, number>>;
  readonly servers: Readonly<Record<string, string>>;
};

export type CheckRun = {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  /** What `--json` printed. */
  readonly findings: readonly CheckLine[];
  readonly summary: CheckSummary | undefined;
  finding(server: string, step: string): CheckLine | undefined;
};

/** Runs `presence-gateway check` as a process of its own, to its end. */
export function runCheck(...words: readonly string[]): Promise<CheckRun> {
  return new Promise((resolve) => {
    const program = [...gatewayProgram(), 'check', ...words];
    execFile(process.execPath, program, { cwd: root, timeout: 60_000 }, (error, stdout, stderr) => {
      const lines = words.includes('--json') ? stdout.split('\n').filter(Boolean) : [];
      const objects = lines.map((line) => JSON.parse(line) as CheckLine | { readonly summary: CheckSummary });
      const findings = objects.filter((one) => 'step' in one);
      const last = objects.at(-1);
      resolve({
        code: typeof error?.code === 'number' ? error.code : error === null ? 0 : -1,
        ...{ stdout, stderr, findings },
        summary: last !== undefined && 'summary' in last ? last.summary : undefined,
        finding: (server, step) => findings.find((one) => one.server === server && one.step === step),
      });
    });
  });
}
