/**
 * Where this program's own files are: policies, profiles, the scripts of its threads and processes.
 *
 * The program runs either as it was compiled, module by module, or from bundles, which start faster; see
 * `bin/build.mjs`. Everything else is relative to the project.
 */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { ApplicationOptions } from '../jail/application.ts';

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

/** What `bin/bundle.mjs` makes of the compiled modules. */
export const BUNDLE_DIRECTORY = join(PROJECT_DIRECTORY, 'dist/bundle');

/** The scripts that run in threads and processes of their own: bundle, and module below the compiled `src/`. */
const SCRIPTS = {
  machineThread: { bundle: 'machine-thread', module: 'vmm/machine/thread.js' },
  vcpuWorker: { bundle: 'vcpu-worker', module: 'vcpu/worker.js' },
  deviceHost: { bundle: 'device-host', module: 'devices/host.js' },
  deviceHostWorker: { bundle: 'device-host-worker', module: 'devices/host-worker.js' },
} as const;

/** True in a bundle; the modules that tsc makes end in `.js`. */
const IS_BUNDLED = import.meta.filename.endsWith('.cjs');

function compiledModule(module: string): string {
  // This module is src/vmm/project-files.js of the compiled tree.
  return join(import.meta.dirname, '..', module);
}

/** Finds the script of one of this program's threads. */
export function threadScript(name: Exclude<keyof typeof SCRIPTS, 'deviceHost'>): string {
  const { bundle, module } = SCRIPTS[name];
  // Bundles lie side by side.
  return IS_BUNDLED ? join(import.meta.dirname, `${bundle}.cjs`) : compiledModule(module);
}

/** Finds the script of a device process and the files that it reads. */
export function deviceScript(kind: string): ApplicationOptions {
  const { bundle, module } = SCRIPTS.deviceHost;
  if (!IS_BUNDLED) {
    return { entry: compiledModule(module) };
  }
  const inBundle = (name: string) => join(BUNDLE_DIRECTORY, name);
  const cache = inBundle(`${bundle}.${kind}.cache`);
  return {
    entry: inBundle(`${bundle}.cjs`),
    parts: [
      inBundle('load-script.cjs'),
      inBundle(`${bundle}.code.cjs`),
      // It only makes the start quicker.
      ...(existsSync(cache) ? [cache] : []),
    ],
  };
}
