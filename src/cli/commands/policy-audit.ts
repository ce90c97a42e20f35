/** `crosvm policy audit [DEVICE…]`: what devices may do, what is wrong with that, and whether it grew. */
import { join } from 'node:path';
import {
  EMPTY_BASELINE,
  formatBaseline,
  readBaseline,
  updateBaseline,
} from '../../audit/baseline.ts';
import {
  type AuditReport,
  auditDevices,
  formatChanges,
  growthOf,
  reportToJson,
} from '../../audit/report.ts';
import { reportToHtml } from '../../audit/report-html.ts';
import { reportToTable } from '../../audit/report-table.ts';
import { auditedKinds, loadSubject } from '../../audit/subject.ts';
import { ConfigError } from '../../base/errors.ts';
import { PROFILE_DIRECTORY } from '../../vmm/project-files.ts';
import { ExitCode } from '../exit-codes.ts';
import { writeOutput } from '../output-file.ts';
import { auditDirectories, shownPath } from '../policy-input.ts';
import { suggestion } from '../suggest.ts';

export interface AuditCommandOptions {
  readonly format: string;
  readonly output: string;
  readonly baseline?: string;
  readonly accept?: boolean;
  readonly seccompPolicyDir?: string;
}

/** What was accepted, beside the profiles. */
const BASELINE_FILE = join(PROFILE_DIRECTORY, 'audit-baseline.json');

/** Audits devices, all of them unless some are named. @returns 1 when something grew beyond the baseline. */
export async function auditCommand(
  names: readonly string[],
  options: AuditCommandOptions,
): Promise<number> {
  const kinds = auditedKinds();
  const wanted = names.length === 0 ? kinds : [...new Set(names)];
  checkNames(wanted, kinds);
  const directories = auditDirectories(options.seccompPolicyDir);
  const path = shownPath(options.baseline ?? BASELINE_FILE);
  const baseline = readBaseline(path);
  if (baseline === null && options.accept !== true) {
    throw new ConfigError(
      'ERR_POLICY_BASELINE',
      `there is no baseline ${path}; --accept writes one`,
    );
  }
  const subjects = await Promise.all(wanted.map((kind) => loadSubject(kind, directories)));
  const report = auditDevices(subjects, baseline ?? EMPTY_BASELINE);
  writeOutput('--output', options.output, render(report, options.format));
  if (options.accept === true) {
    const accepted = updateBaseline(baseline ?? EMPTY_BASELINE, report.acceptable, kinds);
    writeOutput('--baseline', path, formatBaseline(accepted));
    process.stderr.write(`accepted in ${path}\n`);
    return ExitCode.Ok;
  }
  return judge(report, path, options);
}

function checkNames(wanted: readonly string[], kinds: readonly string[]): void {
  for (const name of wanted.filter((each) => !kinds.includes(each))) {
    throw new ConfigError(
      'ERR_DEVICE_KIND',
      `there is no device "${name}"${suggestion(name, kinds)}; there are: ${kinds.join(', ')}`,
    );
  }
}

function render(report: AuditReport, format: string): string {
  switch (format) {
    case 'json':
      return reportToJson(report);
    case 'html':
      return reportToHtml(report);
    default:
      return reportToTable(report);
  }
}

/** Says to standard error what a log of a failed check has to show, unless the report has just shown it. */
function judge(report: AuditReport, baseline: string, options: AuditCommandOptions): number {
  const grown = growthOf(report);
  const isShown = options.format === 'table' && options.output === '-';
  if (!isShown) {
    process.stderr.write(formatChanges(report.changes));
  }
  if (grown.length > 0) {
    process.stderr.write(
      `${grown.length} more than ${baseline} accepts; if that is meant, run this again with --accept\n`,
    );
  }
  return grown.length > 0 ? ExitCode.Failure : ExitCode.Ok;
}
