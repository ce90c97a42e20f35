/** `crosvm doctor`: what of this host works, what does not, what to do about it. */
import type { Check } from './check.ts';
import { thisHost } from './check.ts';
import { deviceNodeChecks, ioUringCheck, kernelHasIoUring } from './device-checks.ts';
import { kvmChecks } from './kvm-checks.ts';
import { hugePageCheck, limitChecks, memoryCheck, nodeCheck } from './resource-checks.ts';
import {
  landlockAbi,
  landlockCheck,
  seccompCheck,
  seccompKnowsFlags,
  tryUserNamespace,
  userNamespaceCheck,
} from './sandbox-checks.ts';

/** Looks at everything; takes about a quarter of a second and changes nothing. Never throws. */
export function probeHost(): Check[] {
  return [
    ...kvmChecks(),
    userNamespaceCheck(thisHost, tryUserNamespace),
    seccompCheck(thisHost, seccompKnowsFlags),
    landlockCheck(landlockAbi()),
    ...deviceNodeChecks(thisHost),
    ioUringCheck(thisHost, kernelHasIoUring()),
    memoryCheck(thisHost),
    hugePageCheck(thisHost),
    ...limitChecks(thisHost),
    nodeCheck(process.versions.node),
  ];
}

/** True when a machine can run in its sandbox on this host. */
export function isHostUsable(checks: readonly Check[]): boolean {
  return checks.every(({ status }) => status !== 'missing');
}

/**
 * The checks as text for a reader, one line each and what to do below it, or as JSON for a program.
 *
 * @returns lines without a newline at the end.
 */
export function formatDoctor(
  checks: readonly Check[],
  options: { readonly json: boolean },
): string {
  if (options.json) {
    return JSON.stringify(checks, null, 2);
  }
  const width = Math.max(0, ...checks.map(({ name }) => name.length));
  return checks.flatMap((check) => formatCheck(check, width)).join('\n');
}

function formatCheck({ name, status, detail, remedy }: Check, width: number): string[] {
  const line = `${status.padEnd('missing'.length)}  ${name.padEnd(width)}  ${detail}`;
  const indent = ' '.repeat('missing'.length + 2 + width + 2);
  return remedy === '' ? [line] : [line, `${indent}→ ${remedy}`];
}
