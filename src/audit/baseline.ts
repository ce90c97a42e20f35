/**
 * The accepted state of the devices' policies, checked in beside them: what a device may do grows only together with
 * this file, so that growth is seen in review.
 *
 * It keeps rules, not text: comments, order of calls and includes may change freely. `policy` has one rule an entry;
 * the rules of one call stand in the order in which they are tried.
 */
import { readFileSync } from 'node:fs';
import { ConfigError } from '../base/errors.ts';
import { type Check, type Checked, integer, list, literal, record, text } from '../ipc/schema.ts';
import { SECCOMP_RET_USER_NOTIF } from '../seccomp/actions.ts';
import { loadPolicy } from '../seccomp/load.ts';
import type { Policy } from '../seccomp/policy.ts';
import { memoryReader } from '../seccomp/source.ts';
import type { DeviceAudit } from './device-audit.ts';
import { findingKey } from './findings.ts';
import { formatJson } from './json-format.ts';
import { AUDIT_ARCH, type AuditSubject } from './subject.ts';

const WORD_MAX = 64;
const RULE_MAX = 100_000;
const word = text(WORD_MAX);

const acceptedDevice = record({
  device: word,
  policy: list(text(RULE_MAX), 4096),
  namespaces: list(word, 16),
  rlimits: list(record({ resource: word, limit: integer(0, Number.MAX_SAFE_INTEGER) }), 16),
  mounts: list(text(4 * 4096), 16),
  descriptors: list(word, 16),
  v8Flags: list(text(256), 16),
  requests: list(word, 16),
  /** Keys of the findings that somebody has looked at and can live with. */
  findings: list(text(RULE_MAX), 4096),
});
/** What was accepted of one device. */
export type AcceptedDevice = Checked<typeof acceptedDevice>;

const baselineCheck: Check<{
  readonly version: 1;
  readonly devices: readonly AcceptedDevice[];
}> = record({ version: literal(1), devices: list(acceptedDevice, 256) });
/** The whole file. */
export type Baseline = ReturnType<typeof baselineCheck>;

/** A baseline in which nothing was accepted yet. */
export const EMPTY_BASELINE: Baseline = { version: 1, devices: [] };

/**
 * Reads a baseline.
 *
 * @returns null where there is no such file.
 * @throws ERR_POLICY_BASELINE naming the file and the field.
 */
export function readBaseline(path: string): Baseline | null {
  let content: string;
  try {
    content = readFileSync(path, 'utf8');
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') {
      return null;
    }
    throw new ConfigError('ERR_POLICY_BASELINE', `the baseline ${path} cannot be read`, { cause });
  }
  try {
    return baselineCheck(JSON.parse(content), 'baseline');
  } catch (cause) {
    throw new ConfigError('ERR_POLICY_BASELINE', `${path} is not a baseline of policies`, {
      cause,
    });
  }
}

/** The text of a baseline, as it is checked in. */
export function formatBaseline(baseline: Baseline): string {
  return `${formatJson(baseline)}\n`;
}

/** What would be accepted of a device now. */
export function acceptDevice(
  { policy, profile }: AuditSubject,
  audit: DeviceAudit,
): AcceptedDevice {
  return {
    device: audit.device,
    policy: policyRules(policy),
    namespaces: [...profile.namespaces],
    rlimits: profile.rlimits.map(({ resource, limit }) => ({ resource, limit })),
    mounts: profile.mounts.map(describeMount),
    descriptors: profile.descriptors.map(({ name }) => name),
    v8Flags: [...profile.v8Flags],
    requests: [...profile.requests],
    findings: [...new Set(audit.findings.map(findingKey))].sort(),
  };
}

/** One line for everything about a mount that makes a difference. */
export function describeMount(mount: AuditSubject['profile']['mounts'][number]): string {
  const { source, target, writable, executable } = mount;
  const how = [writable ? 'writable' : 'read-only', ...(executable ? ['executable'] : [])];
  return `${source} as ${target}, ${how.join(', ')}`;
}

/** Rules without places, by the names of their calls. */
function policyRules({ syscalls }: Policy): string[] {
  return [...syscalls]
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap(({ name, rules }) => rules.map((rule) => `${name}: ${rule.text}`));
}

/**
 * The policy that was accepted, to be compared with the present one.
 *
 * @throws PolicyError for a baseline that was written by hand, wrongly.
 */
export function acceptedPolicy(rules: readonly string[], name = 'baseline'): Policy {
  const reader = memoryReader(new Map([[name, rules.map((rule) => `${rule}\n`).join('')]]));
  const options = { arch: AUDIT_ARCH, defaultReturn: SECCOMP_RET_USER_NOTIF, reader } as const;
  return loadPolicy(name, options).policy;
}

/**
 * Puts devices into a baseline in place of what it had of them.
 *
 * @param kinds that there are: others are dropped.
 */
export function updateBaseline(
  baseline: Baseline,
  accepted: readonly AcceptedDevice[],
  kinds: readonly string[],
): Baseline {
  const byDevice = new Map(
    [...baseline.devices, ...accepted].map((entry) => [entry.device, entry]),
  );
  const devices = [...byDevice.values()]
    .filter(({ device }) => kinds.includes(device))
    .sort((a, b) => (a.device < b.device ? -1 : 1));
  return { version: 1, devices };
}
