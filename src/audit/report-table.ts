/** The audit for a terminal: what every device could do at a glance, then device by device, then what is wrong. */
import { ABILITIES, type Ability } from './abilities.ts';
import { formatCall } from './condition-text.ts';
import type { AbilityCall, DeviceAudit } from './device-audit.ts';
import type { Finding } from './findings.ts';
import { CAPABILITIES_HELD } from './holdings.ts';
import { type AuditReport, formatChanges, summarizeFindings } from './report.ts';

/** How abilities are marked: to be read without colour. */
const MARKS = { severe: '!!', notable: '! ', plain: '  ' } as const;

/** Renders a report. Ends in a newline. */
export function reportToTable(report: AuditReport): string {
  const { devices, changes } = report;
  const comparison =
    changes.length === 0
      ? 'As accepted: the baseline says the same.\n'
      : `Against the baseline:\n${formatChanges(changes)}`;
  return [overview(devices), ...devices.map(deviceSection), comparison].join('\n');
}

function overview(devices: readonly DeviceAudit[]): string {
  const rows = ABILITIES.filter(({ id }) => devices.some((device) => hasAbility(device, id)));
  const width = Math.max(...rows.map(({ title }) => title.length)) + 3;
  const columns = devices.map(({ device }) => ({ device, width: Math.max(device.length, 4) }));
  const header = columns.map((column) => column.device.padEnd(column.width)).join('  ');
  const lines = rows.map((ability) => overviewLine(ability, devices, width));
  const absent = ABILITIES.filter((ability) => !rows.includes(ability)).map(({ title }) => title);
  return (
    `${'What devices could do'.padEnd(width)} ${header.trimEnd()}\n${lines.join('')}` +
    (absent.length === 0 ? '' : wrap(`No device may ${absent.join('; ')}.`, '', 100))
  );
}

function overviewLine(ability: Ability, devices: readonly DeviceAudit[], width: number): string {
  const cells = devices.map((device) => {
    const calls = device.abilities.find((held) => held.ability.id === ability.id)?.calls ?? [];
    const count = new Set(calls.map(({ syscall }) => syscall)).size;
    return (count === 0 ? '-' : String(count)).padEnd(Math.max(device.device.length, 4));
  });
  const title = `${MARKS[ability.risk]} ${ability.title}`.padEnd(width);
  return `${title} ${cells.join('  ').trimEnd()}\n`;
}

function hasAbility({ abilities }: DeviceAudit, id: string): boolean {
  return abilities.some(({ ability }) => ability.id === id);
}

function deviceSection(audit: DeviceAudit): string {
  const { device, policyPath, syscallCount, ruleCount, profile } = audit;
  const limits = profile.rlimits.map(({ resource, limit }) => `${resource} ${limit}`);
  const mounts = profile.mounts.map(({ target }) => target);
  return [
    `${device}: ${policyPath}, ${syscallCount} system calls by ${ruleCount} rules\n`,
    abilityLines(audit),
    ioctlLines(audit),
    '  holds\n',
    ...audit.holdings.map(
      ({ name, purpose, calls }) =>
        wrap(`${name}: ${purpose}`, '    ', 100) + wrap(calls.join(' '), '      ', 100),
    ),
    '  may ask the parent\n',
    ...audit.requests.map(({ name, effect }) => `    ${name.padEnd(12)} ${effect}\n`),
    `  namespaces    ${profile.namespaces.join(' ')}\n`,
    `  capabilities  ${CAPABILITIES_HELD}\n`,
    `  limits        ${limits.join(', ') || 'none'}\n`,
    `  mounts        ${mounts.join(' ') || 'none beside Node and the application'}\n`,
    `  V8 flags      ${profile.v8Flags.join(' ') || 'none'}\n`,
    `  findings: ${summarizeFindings(audit.findings)}\n`,
    ...audit.findings.map(findingLines),
  ].join('');
}

function abilityLines({ abilities }: DeviceAudit): string {
  return abilities
    .map(({ ability, calls }) => {
      const plain = calls.filter(({ condition }) => condition === 'always');
      const names = plain.map(({ syscall }) => syscall).join(' ');
      const always = names === '' ? '' : wrap(names, '       ', 100);
      const conditional = calls.filter(({ condition }) => condition !== 'always');
      return `  ${MARKS[ability.risk]} ${ability.title}\n${always}${conditional.map(conditionLines).join('')}`;
    })
    .join('');
}

function conditionLines({ syscall, condition, place }: AbilityCall): string {
  const where = place === null ? 'the default' : `${place.file}:${place.line}`;
  return wrap(`${syscall} if ${condition}`, '       ', 100) + `         ${where}\n`;
}

function ioctlLines({ ioctls }: DeviceAudit): string {
  return ioctls.length === 0
    ? ''
    : `  ioctl requests\n${ioctls
        .map(({ name, value, driver }) => `    ${name} (0x${value.toString(16)}): ${driver}\n`)
        .join('')}`;
}

function findingLines({ severity, title, why, mend, place, example }: Finding): string {
  const where = place === null ? '' : `      ${place.file}:${place.line}: ${place.text}\n`;
  const reason = place === null || place.comment === '' ? '' : `says: ${place.comment}`;
  const call = example === null ? '' : formatCallOf(title, example);
  return (
    `    ${severity.toUpperCase()} ${title}\n${where}` +
    (reason === '' ? '' : wrap(reason, '      ', 100)) +
    call +
    wrap(why, '      ', 100) +
    wrap(`mend: ${mend}`, '      ', 100)
  );
}

/** Titles of findings about calls begin with the call's name. */
function formatCallOf(title: string, example: readonly bigint[]): string {
  return `      for example ${formatCall(title.split(' ', 1)[0] ?? '', example)}\n`;
}

/** Breaks a text into lines at blanks; each line is indented, the first one too, and ended. */
export function wrap(text: string, indent: string, width: number): string {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(/\s+/).filter((part) => part !== '')) {
    const longer = line === '' ? word : `${line} ${word}`;
    if (indent.length + longer.length > width && line !== '') {
      lines.push(line);
      line = word;
    } else {
      line = longer;
    }
  }
  if (line !== '') {
    lines.push(line);
  }
  return lines.map((each) => `${indent}${each}\n`).join('');
}
