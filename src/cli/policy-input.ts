/** What the commands of `crosvm policy` have in common: options of the compiler, and policies by name or path. */
import { existsSync } from 'node:fs';
import { relative, resolve } from 'node:path';
import { type AuditDirectories, auditedKinds, findDevicePolicy } from '../audit/subject.ts';
import { ConfigError } from '../base/errors.ts';
import { SECCOMP_RET_USER_NOTIF } from '../seccomp/actions.ts';
import { PolicyError } from '../seccomp/diagnostics.ts';
import type { LoadOptions } from '../seccomp/load.ts';
import type { ArchName } from '../seccomp/target.ts';
import { POLICY_DIRECTORY, PROFILE_DIRECTORY } from '../vmm/project-files.ts';
import { ExitCode } from './exit-codes.ts';
import { suggestion } from './suggest.ts';

/** Options that change what a policy means, as commander hands them over. */
export interface PolicyOptions {
  readonly arch: string;
  readonly includeDir: readonly string[];
  readonly defaultAction?: string;
  readonly useKillProcess?: boolean;
  readonly useRetLog?: boolean;
  readonly denylist?: boolean;
}

const ARCHITECTURES: Readonly<Record<string, ArchName>> = {
  x86_64: 'x86_64',
  aarch64: 'aarch64',
  arm64: 'aarch64',
};
/** Names that `--arch` takes. */
export const ARCHITECTURE_NAMES: readonly string[] = Object.keys(ARCHITECTURES);

/** The compiler's options. */
export function loadOptionsOf(options: PolicyOptions): LoadOptions {
  const { defaultAction } = options;
  return {
    arch: ARCHITECTURES[options.arch] ?? 'x86_64',
    includeDirs: options.includeDir,
    useKillProcess: options.useKillProcess === true,
    useRetLog: options.useRetLog === true,
    denylist: options.denylist === true,
    ...(defaultAction === undefined ? {} : { defaultAction }),
  };
}

/** A path as it is shown: relative where it lies below the working directory. */
export function shownPath(path: string): string {
  const local = relative('', path);
  return local !== '' && !local.startsWith('..') ? local : resolve(path);
}

/** Profiles and policies of this program, or with other policies. */
export function auditDirectories(policyDirectory?: string): AuditDirectories {
  return {
    profiles: PROFILE_DIRECTORY,
    policies: shownPath(policyDirectory ?? POLICY_DIRECTORY),
  };
}

/** A policy to be looked at, and how to load it. */
export interface PolicyTarget {
  readonly path: string;
  readonly options: LoadOptions;
}

/**
 * Finds what `DEVICE|FILE` names. A device's policy is taken with the default action with which it is installed.
 *
 * @throws ERR_POLICY_TARGET
 */
export async function findTarget(name: string, options: PolicyOptions): Promise<PolicyTarget> {
  const load = loadOptionsOf(options);
  const kinds = auditedKinds();
  if (kinds.includes(name)) {
    const { path } = await findDevicePolicy(name, auditDirectories());
    const isInstalled = options.defaultAction === undefined;
    return {
      path,
      options: isInstalled ? { ...load, defaultReturn: SECCOMP_RET_USER_NOTIF } : load,
    };
  }
  if (!name.includes('/') && !name.endsWith('.policy') && !existsSync(name)) {
    throw new ConfigError(
      'ERR_POLICY_TARGET',
      `"${name}" is neither a device (${kinds.join(', ')}) nor a policy file${suggestion(name, kinds)}`,
    );
  }
  return { path: name, options: load };
}

/** Errors that are about the command line, not about the text of a policy. */
const ARGUMENT_ERRORS: readonly string[] = ['ERR_POLICY_UNREADABLE', 'ERR_POLICY_OPTION'];

/**
 * Runs a command; errors in a policy's text are printed as they are, and are findings, not wrong arguments.
 *
 * @returns the exit code.
 */
export async function runPolicyCommand(command: () => Promise<number>): Promise<number> {
  try {
    return await command();
  } catch (error) {
    if (!(error instanceof PolicyError) || ARGUMENT_ERRORS.includes(error.code)) {
      throw error;
    }
    process.stderr.write(`${error.message}\n`);
    return ExitCode.Failure;
  }
}
