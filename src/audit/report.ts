/** One run of the audit, whatever form it is shown in. */
import { type AcceptedDevice, acceptDevice, type Baseline } from './baseline.ts';
import { auditDevice, type DeviceAudit } from './device-audit.ts';
import { type Finding, SEVERITIES, type Severity } from './findings.ts';
import { type BaselineChange, compareWithBaseline } from './growth.ts';
import type { AuditSubject } from './subject.ts';

/** The forms in which a report can be shown. */
export const REPORT_FORMATS = ['table', 'json', 'html'] as const;
export type ReportFormat = (typeof REPORT_FORMATS)[number];

/** A run of the audit. */
export interface AuditReport {
  /** In the order in which they were asked for. */
  readonly devices: readonly DeviceAudit[];
  /** How the devices differ from what was accepted. */
  readonly changes: readonly BaselineChange[];
  /** What to accept, should somebody consent. */
  readonly acceptable: readonly AcceptedDevice[];
}

/** Audits devices and holds them against a baseline. */
export function auditDevices(subjects: readonly AuditSubject[], baseline: Baseline): AuditReport {
  const audited = subjects.map((subject) => ({ subject, audit: auditDevice(subject) }));
  return {
    devices: audited.map(({ audit }) => audit),
    changes: audited.flatMap(({ subject, audit }) => compareWithBaseline(baseline, subject, audit)),
    acceptable: audited.map(({ subject, audit }) => acceptDevice(subject, audit)),
  };
}

/** What needs somebody's consent. */
export function growthOf({ changes }: AuditReport): readonly BaselineChange[] {
  return changes.filter(({ kind }) => kind === 'grown');
}

/** Findings of a severity, over all devices. */
export function countFindings({ devices }: AuditReport, severity: Severity): number {
  return devices.flatMap(({ findings }) => findings).filter((one) => one.severity === severity)
    .length;
}

/** `1 high, 2 low`, or `none`. */
export function summarizeFindings(findings: readonly Finding[]): string {
  const counts = SEVERITIES.map((severity) => ({
    severity,
    count: findings.filter((finding) => finding.severity === severity).length,
  })).filter(({ count }) => count > 0);
  return counts.length === 0
    ? 'none'
    : counts.map(({ severity, count }) => `${count} ${severity}`).join(', ');
}

/** One line for each change, the growth first; `device: + call(...): …`. */
export function formatChanges(changes: readonly BaselineChange[]): string {
  const order = ['grown', 'shrunk', 'changed'] as const;
  return order
    .flatMap((kind) => changes.filter((change) => change.kind === kind))
    .map(({ kind, device, text }) => `${kind.padEnd(7)} ${device}: ${text}\n`)
    .join('');
}

/** The report for programs: everything, with arguments as strings, because JSON has no 64-bit numbers. */
export function reportToJson(report: AuditReport): string {
  const { devices, changes } = report;
  const replacer = (_key: string, value: unknown): unknown =>
    typeof value === 'bigint' ? `0x${value.toString(16)}` : value;
  return `${JSON.stringify({ version: 1, devices, changes }, replacer, 2)}\n`;
}
