/** A user without privileges, who may use KVM, and a copy of the program that such a user may read. */
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  statSync,
} from 'node:fs';
import { join, relative } from 'node:path';
import { projectRoot } from '../../src/artifacts/sources.ts';
import { KVM_DEVICE_PATH } from '../../src/hypervisor/kvm.ts';
import { NESTED_HOST_MARKER } from '../../src/nested-host/command-script.ts';

/** Ids that no account of a distribution has: nothing on the host belongs to it. */
const UID = 64321;
const GROUP_MAY_USE = 0o060;

/** Why the tests of an ordinary user cannot run; undefined when they can. */
export function ordinaryUserUnavailable(): string | undefined {
  if (process.getuid?.() !== 0) {
    return 'only root can become another user';
  }
  // Nothing of an emulated host lasts; any other machine's /dev/kvm is left as it is.
  if (process.env[NESTED_HOST_MARKER] !== undefined) {
    chmodSync(KVM_DEVICE_PATH, 0o660);
    chownSync(KVM_DEVICE_PATH, 0, UID);
  }
  const { mode, gid } = statSync(KVM_DEVICE_PATH);
  const isOpen = gid !== 0 && (mode & GROUP_MAY_USE) === GROUP_MAY_USE;
  return isOpen ? undefined : `no group but root's may open ${KVM_DEVICE_PATH}`;
}

/** Words before a command that is to run as that user, in the group of /dev/kvm. */
export function asOrdinaryUser(): string[] {
  const { gid } = statSync(KVM_DEVICE_PATH);
  return ['setpriv', `--reuid=${UID}`, `--regid=${UID}`, `--groups=${gid}`, '--'];
}

/** Makes a directory that is that user's. */
export function makeUserDirectory(path: string): string {
  mkdirSync(path);
  chownSync(path, UID, UID);
  return path;
}

/**
 * Copies what a machine needs of the project.
 *
 * @param target a directory that everybody may enter; what is copied, everybody may read.
 * @returns the path of the program in the copy.
 */
export function copyProgram(target: string): string {
  const root = projectRoot(import.meta.dirname);
  const compiled = relative(root, join(import.meta.dirname, '../..'));
  const parts = ['package.json', 'policy', 'seccomp', 'native/build', ...productionPackages(root)];
  // The compiled policies are there only after a whole build.
  const built = [`${compiled}/seccomp`].filter((part) => existsSync(join(root, part)));
  for (const part of [...parts, `${compiled}/src`, ...built]) {
    cpSync(join(root, part), join(target, part), { recursive: true, force: true });
  }
  const program = join(compiled, relative(join(import.meta.dirname, '../..'), import.meta.dirname));
  cpSync(join(import.meta.dirname, 'crosvm-main.js'), join(target, program, 'crosvm-main.js'));
  return join(target, program, 'crosvm-main.js');
}

/** Folders of the packages that are not only for development, and are installed. */
function productionPackages(root: string): string[] {
  // CAST: written by npm; a file of another shape fails below.
  const lock = JSON.parse(readFileSync(join(root, 'node_modules/.package-lock.json'), 'utf8')) as {
    readonly packages: Readonly<
      Record<string, { readonly dev?: boolean; readonly devOptional?: boolean }>
    >;
  };
  return Object.entries(lock.packages)
    .filter(([path, { dev, devOptional }]) => path !== '' && dev !== true && devOptional !== true)
    .map(([path]) => path);
}
