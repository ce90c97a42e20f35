/**
 * Where this program's own files are: policies, profiles, the scripts of its threads and processes.
 *
 * The program runs either as it was compiled, module by module, or from bundles, which start faster; see
 * `bin/build.mjs`. Everything else is relative to the project.
 */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** The folder that holds package.json, above wherever this module was compiled or bundled to. */
function findProject(): string {
  for (let directory = import.meta.dirname; ; directory = dirname(directory)) {
    if (existsSync(join(directory, 'package.json')) || directory === dirname(directory)) {
      return directory;
    }
  }
}

export const PROJECT_DIRECTORY = findProject();
/** Jail profiles, one per device. */
export const PROFILE_DIRECTORY = join(PROJECT_DIRECTORY, 'policy');
/** Seccomp policies for this architecture. */
export const POLICY_DIRECTORY = join(PROJECT_DIRECTORY, 'seccomp/x86_64');
/** What the policies of all devices allowed when they were last accepted; see `crosvm policy audit`. */
export const BASELINE_FILE = join(PROJECT_DIRECTORY, 'policy/audit-baseline.json');

/** The scripts that run in threads and processes of their own: bundle, and module below the compiled `src/`. */
const SCRIPTS = {
  machineThread: { bundle: 'machine-thread.mjs', module: 'vmm/machine/thread.js' },
  vcpuWorker: { bundle: 'vcpu-worker.mjs', module: 'vcpu/worker.js' },
  deviceHost: { bundle: 'device-host.mjs', module: 'devices/host.js' },
  deviceHostWorker: { bundle: 'device-host-worker.mjs', module: 'devices/host-worker.js' },
} as const;

/** True in a bundle; the modules that tsc makes end in `.js`. */
const IS_BUNDLED = import.meta.filename.endsWith('.mjs');

/** A script and whether it holds its own modules and packages. */
export interface ProgramScript {
  readonly path: string;
  readonly bundled: boolean;
}

/** Finds one of this program's scripts. */
export function programScript(name: keyof typeof SCRIPTS): ProgramScript {
  const { bundle, module } = SCRIPTS[name];
  // Bundles lie side by side; this module is src/vmm/project-files.js of the compiled tree.
  return IS_BUNDLED
    ? { path: join(import.meta.dirname, bundle), bundled: true }
    : { path: join(import.meta.dirname, '..', module), bundled: false };
}
