/**
 * The root file system of a jail: an empty, read-only tmpfs with Node, its shared libraries and the application bound
 * into it. No /proc, /dev, /sys, /etc or /tmp: Node runs without them.
 *
 * Libraries are bound one by one. Binding the host's library folder would be one mount instead of seven, but it would
 * show the device every package that the host has installed.
 */
import { realpathSync, statSync } from 'node:fs';
import { basename } from 'node:path';
import { HostError } from '../base/errors.ts';
import type { NativeMount } from '../sys/native.ts';
import type { JailApplication } from './application.ts';
import { loadedObjects, resolveLibraries, type SharedObject } from './shared-objects.ts';

/** Node, as a jail sees it; koffi reads its ELF header by this name. */
export const JAILED_NODE = '/bin/node';
const LIBRARY_DIR = '/lib';
/** Room for mount points; the tmpfs holds no data. */
export const ROOT_SIZE_BYTES = 1024 * 1024;

/**
 * Environment of a jailed process, all of it. The jail has no cache that would tell the linker where to look. With
 * one arena malloc never shrinks a heap of another, for which glibc would open /proc/sys/vm/overcommit_memory at a
 * time of its choosing: a call that no policy allows.
 */
export const JAIL_ENVIRONMENT: readonly string[] = [
  `LD_LIBRARY_PATH=${LIBRARY_DIR}`,
  'MALLOC_ARENA_MAX=1',
];

const S_IROTH = 0o004;
const S_IXOTH = 0o001;

/** The mounts of the program and its libraries. Pure: tested with made-up objects. */
export function nodeMounts(node: SharedObject, objects: readonly SharedObject[]): NativeMount[] {
  const addons = objects.filter((object) => object.path.endsWith('.node'));
  const libraries = resolveLibraries([node, ...addons], objects);
  const mounts: NativeMount[] = [{ source: node.path, target: JAILED_NODE, executable: true }];
  if (node.interpreter !== undefined) {
    // The kernel starts the dynamic linker by the path in the ELF file, so that is where it has to be.
    const source = realpathSync(node.interpreter);
    mounts.push({ source, target: node.interpreter, executable: true });
    libraries.delete(basename(node.interpreter));
  }
  for (const [name, source] of libraries) {
    mounts.push({ source, target: `${LIBRARY_DIR}/${name}`, executable: true });
  }
  return mounts;
}

let cachedNodeMounts: readonly NativeMount[] | undefined;

/**
 * All mounts of a jail. The libraries are looked up once for each process, after everything that a device will load
 * is loaded here too.
 *
 * @throws ERR_JAIL_LIBRARY, ERR_JAIL_ELF
 */
export function rootMounts(application: JailApplication): NativeMount[] {
  if (cachedNodeMounts === undefined) {
    const executable = realpathSync(process.execPath);
    const objects = loadedObjects();
    const node = objects.find((object) => object.path === executable);
    if (node === undefined) {
      throw new HostError(
        'ERR_JAIL_LIBRARY',
        `${executable} was replaced while it runs; start again`,
      );
    }
    cachedNodeMounts = nodeMounts(node, objects);
  }
  return [...cachedNodeMounts, ...application.mounts];
}

/**
 * Checks that a user whom no file belongs to can read what is bound. Only the top of a directory is looked at.
 *
 * @throws ERR_JAIL_UNREADABLE naming the path.
 */
export function checkReadableByOthers(mounts: readonly NativeMount[]): void {
  for (const { source, directory = false } of mounts) {
    const wanted = directory ? S_IROTH | S_IXOTH : S_IROTH;
    if ((statSync(source).mode & wanted) !== wanted) {
      throw new HostError(
        'ERR_JAIL_UNREADABLE',
        `${source} is not readable for other users, but device processes of a VM started by root run as one: ` +
          `chmod -R o+rX ${source}`,
      );
    }
  }
}
