/**
 * The audit as one HTML file: no script, no network, nothing beside it. Devices and abilities make a table whose marks
 * lead to the calls, rules and reasons behind them.
 *
 * Everything that comes out of a policy or profile is escaped, and the page forbids itself to load or run anything.
 */
import { ABILITIES, type Ability } from './abilities.ts';
import { formatCall } from './condition-text.ts';
import type { AbilityCall, DeviceAudit, HeldAbility } from './device-audit.ts';
import { type Finding, type RulePlace, SEVERITIES } from './findings.ts';
import { CAPABILITIES_HELD } from './holdings.ts';
import { STYLE_SHEET } from './html-style.ts';
import { type AuditReport, countFindings, growthOf } from './report.ts';

/** Text as HTML, in content and in quoted attributes alike. */
export function escapeHtml(text: string): string {
  const entities: Readonly<Record<string, string>> = {
    '&': '&amp;',
    '<': '&lt;',
    '>': '&gt;',
    '"': '&quot;',
    "'": '&#39;',
  };
  return text.replace(/[&<>"']/g, (character) => entities[character] ?? '');
}

/** Renders a report: a whole document. */
export function reportToHtml(report: AuditReport): string {
  const { devices } = report;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>Policy audit</title>
<style>${STYLE_SHEET}</style>
</head>
<body>
<header>
<h1>Policy audit</h1>
<p>${headline(report)}</p>
</header>
<main>
${changeSection(report)}
${matrixSection(devices)}
${findingSection(devices)}
${devices.map(deviceSection).join('\n')}
</main>
</body>
</html>
`;
}

function headline(report: AuditReport): string {
  const { devices } = report;
  const counts = SEVERITIES.map((severity) => ({ severity, n: countFindings(report, severity) }))
    .filter(({ n }) => n > 0)
    .map(({ severity, n }) => `<span class="badge ${severity}">${n} ${severity}</span>`);
  const findings = counts.length === 0 ? 'no findings' : counts.join(' ');
  const noun = devices.length === 1 ? 'device' : 'devices';
  return `${devices.length} ${noun}, each in a process of its own. ${findings}`;
}

/** Changes that are shown without being asked for. */
const CHANGES_SHOWN_MAX = 12;

function changeSection(report: AuditReport): string {
  const { changes } = report;
  if (changes.length === 0) {
    return '<section class="same"><p>As accepted: the baseline says the same.</p></section>';
  }
  const grown = growthOf(report).length;
  const title = grown === 0 ? 'Less than was accepted' : `${grown} more than what was accepted`;
  const rows = changes.map(
    ({ kind, device, text }) =>
      `<li><span class="badge ${kind}">${kind}</span> <b>${escapeHtml(device)}</b> <code>${escapeHtml(text)}</code></li>`,
  );
  // A long list must not push everything else off the first screen.
  const open = changes.length <= CHANGES_SHOWN_MAX ? ' open' : '';
  return `<section class="${grown === 0 ? 'same' : 'alarm'}"><details${open}><summary><h2>${title}</h2></summary>
<ul class="plain">${rows.join('')}</ul></details></section>`;
}

const RISK_WORDS = {
  severe: 'a step out of the jail',
  notable: 'useful to an attacker',
  plain: 'every process needs it',
} as const;

function matrixSection(devices: readonly DeviceAudit[]): string {
  const head = devices.map(
    ({ device }) =>
      `<th scope="col"><a href="#${escapeHtml(device)}">${escapeHtml(device)}</a></th>`,
  );
  const held = (ability: Ability): boolean =>
    devices.some(({ abilities }) => abilities.some((one) => one.ability.id === ability.id));
  const rows = ABILITIES.filter(held).map((ability) => matrixRow(ability, devices));
  const absent = ABILITIES.filter((ability) => !held(ability)).map(
    ({ title }) => `<li>${escapeHtml(title)}</li>`,
  );
  return `<section>
<h2>What each device could do</h2>
<p class="legend">${(['severe', 'notable', 'plain'] as const)
    .map((risk) => `<span><i class="dot ${risk}"></i>${RISK_WORDS[risk]}</span>`)
    .join(' ')} <span>Numbers count system calls; follow one to the reason.</span></p>
<div class="scroll"><table class="matrix">
<thead><tr><th scope="col">ability</th>${head.join('')}</tr></thead>
<tbody>${rows.join('\n')}</tbody>
</table></div>
${absent.length === 0 ? '' : `<h3>What no device may do</h3><ul class="absent">${absent.join('')}</ul>`}
</section>`;
}

function matrixRow(ability: Ability, devices: readonly DeviceAudit[]): string {
  const cells = devices.map(({ device, abilities }) => {
    const found = abilities.find((one) => one.ability.id === ability.id);
    if (found === undefined) {
      return '<td class="none">–</td>';
    }
    const count = new Set(found.calls.map(({ syscall }) => syscall)).size;
    const isBounded = found.calls.every(({ condition }) => condition !== 'always');
    const note = isBounded ? '<small>bounded</small>' : '';
    const label = `${device}: ${ability.title}`;
    return `<td><a class="mark ${ability.risk}" href="#${anchor(device, ability)}" aria-label="${escapeHtml(label)}">${count}</a>${note}</td>`;
  });
  return `<tr><th scope="row" title="${escapeHtml(ability.meaning)}"><i class="dot ${ability.risk}"></i>${escapeHtml(ability.title)}</th>${cells.join('')}</tr>`;
}

function anchor(device: string, ability: Ability): string {
  return escapeHtml(`${device}-${ability.id}`);
}

function findingSection(devices: readonly DeviceAudit[]): string {
  const all = devices.flatMap(({ device, findings }) =>
    findings.map((finding) => ({ device, finding })),
  );
  const ranked = SEVERITIES.flatMap((severity) =>
    all.filter(({ finding }) => finding.severity === severity),
  );
  const items = ranked.map(({ device, finding }) => findingItem(device, finding));
  const body = items.length === 0 ? '<p>None.</p>' : items.join('\n');
  return `<section><h2>Findings, the worst first</h2>${body}</section>`;
}

function findingItem(device: string, finding: Finding): string {
  const { severity, title, why, mend, place, example } = finding;
  const call =
    example === null
      ? ''
      : `<dt>for example</dt><dd><code>${escapeHtml(formatCall(title.split(' ', 1)[0] ?? '', example))}</code></dd>`;
  return `<details class="finding ${severity}"${severity === 'critical' || severity === 'high' ? ' open' : ''}>
<summary><span class="badge ${severity}">${severity}</span> <b>${escapeHtml(device)}</b> ${escapeHtml(title)}</summary>
<dl>${placeRows(place)}${call}<dt>why it matters</dt><dd>${escapeHtml(why)}</dd><dt>mend</dt><dd>${escapeHtml(mend)}</dd></dl>
</details>`;
}

function placeRows(place: RulePlace | null): string {
  if (place === null) {
    return '';
  }
  const { file, line, text, comment } = place;
  const says = comment === '' ? '' : `<dt>the policy says</dt><dd>${escapeHtml(comment)}</dd>`;
  return `<dt>rule</dt><dd><code>${escapeHtml(text)}</code> <span class="place">${escapeHtml(file)}:${line}</span></dd>${says}`;
}

function deviceSection(audit: DeviceAudit): string {
  const { device, profile, policyPath, syscallCount, ruleCount } = audit;
  const limits = profile.rlimits.map(({ resource, limit }) => `${resource} ${limit}`).join(', ');
  const mounts = profile.mounts.map(({ target }) => target).join(', ');
  const rows: readonly (readonly [string, string])[] = [
    ['namespaces', profile.namespaces.join(', ')],
    ['capabilities', CAPABILITIES_HELD],
    ['limits', limits || 'none'],
    ['mounts', mounts || 'none beside Node and the application'],
    ['V8 flags', profile.v8Flags.join(' ') || 'none'],
  ];
  return `<section id="${escapeHtml(device)}">
<h2>${escapeHtml(device)}</h2>
<p>${escapeHtml(profile.summary)}</p>
<p class="place">${escapeHtml(policyPath)}: ${syscallCount} system calls by ${ruleCount} rules</p>
<h3>Could</h3>
${audit.abilities.map((held) => abilityItem(device, held)).join('\n')}
${ioctlTable(audit)}
<h3>Holds</h3>
<dl>${audit.holdings
    .map(
      ({ name, purpose, calls }) =>
        `<dt>${escapeHtml(name)}</dt><dd>${escapeHtml(purpose)} <code>${escapeHtml(calls.join(' '))}</code></dd>`,
    )
    .join('')}</dl>
<h3>May ask the parent</h3>
<dl>${audit.requests.map(({ name, effect }) => `<dt>${name}</dt><dd>${escapeHtml(effect)}</dd>`).join('')}</dl>
<h3>Walls</h3>
<dl>${rows.map(([name, value]) => `<dt>${name}</dt><dd>${escapeHtml(value)}</dd>`).join('')}</dl>
</section>`;
}

function abilityItem(device: string, { ability, calls }: HeldAbility): string {
  return `<div class="ability" id="${anchor(device, ability)}">
<h4><i class="dot ${ability.risk}"></i>${escapeHtml(ability.title)}</h4>
<p>${escapeHtml(ability.meaning)}</p>
<ul class="calls">${calls.map(callItem).join('')}</ul>
</div>`;
}

function callItem({ syscall, condition, place }: AbilityCall): string {
  const when = condition === 'always' ? '' : ` if ${escapeHtml(condition)}`;
  const where = place === null ? 'the default action' : `${escapeHtml(place.file)}:${place.line}`;
  const comment = place === null || place.comment === '' ? '' : ` ${escapeHtml(place.comment)}`;
  return `<li><code>${escapeHtml(syscall)}</code>${when}<br><span class="place">${where}</span>${comment}</li>`;
}

function ioctlTable({ ioctls }: DeviceAudit): string {
  if (ioctls.length === 0) {
    return '';
  }
  const rows = ioctls.map(
    ({ name, value, driver }) =>
      `<li><code>${escapeHtml(name)}</code> (0x${value.toString(16)}): ${escapeHtml(driver)}</li>`,
  );
  return `<h3>ioctl requests</h3><ul class="calls">${rows.join('')}</ul>`;
}
