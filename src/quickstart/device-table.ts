/** Shows the device processes as a table for people. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type DeviceProcess, NAMESPACES } from './device-processes.ts';

const HEADINGS = [
  'device',
  'pid',
  'namespaces of its own',
  'capabilities',
  'seccomp',
  'policy',
  'private memory',
];

/**
 * The lines of the table.
 *
 * @param profiles directory of the jail profiles, which name the seccomp policies.
 */
export function formatDeviceTable(devices: readonly DeviceProcess[], profiles: string): string[] {
  const rows = [HEADINGS, ...devices.map((device) => formatRow(device, profiles))];
  const widths = HEADINGS.map((_heading, column) =>
    Math.max(...rows.map((row) => row[column]?.length ?? 0)),
  );
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}

function formatRow(device: DeviceProcess, profiles: string): string[] {
  return [
    device.device,
    String(device.pid),
    formatNamespaces(device),
    /^0+$/.test(device.capabilities) ? 'none' : device.capabilities,
    formatSeccomp(device),
    policyOf(device.device, profiles),
    `${(device.privateKib / 1024).toFixed(1)} MiB`,
  ];
}

function formatNamespaces({ ownNamespaces }: DeviceProcess): string {
  const all = ownNamespaces.length === NAMESPACES.length ? 'all ' : '';
  return `${all}${ownNamespaces.length} of ${NAMESPACES.length}${all === '' ? `: ${ownNamespaces.join(' ')}` : ''}`;
}

function formatSeccomp({ threads, filteredThreads, noNewPrivileges }: DeviceProcess): string {
  const filtered =
    filteredThreads === threads ? `all ${threads}` : `${filteredThreads} of ${threads}`;
  return `filter on ${filtered} threads${noNewPrivileges ? '' : ', may gain privileges'}`;
}

function policyOf(device: string, profiles: string): string {
  const file = join(profiles, `${device}.json`);
  if (!existsSync(file)) {
    return 'unknown';
  }
  const profile: unknown = JSON.parse(readFileSync(file, 'utf8'));
  const hasPolicy = typeof profile === 'object' && profile !== null && 'seccompPolicy' in profile;
  return hasPolicy ? String(profile.seccompPolicy) : 'unknown';
}
