/**
 * The guest that the project boots by default and in its tests, made of Debian packages: a kernel, an initial root file
 * system and a root disk. Built on first use into a cache outside the work tree.
 */
import { copyFileSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { cacheDirectory, ensureArtifacts } from '../artifacts/cache.ts';
import { CpioArchive } from '../artifacts/cpio.ts';
import { findPackage, type ProgressLog, unpackPackage } from '../artifacts/debian-package.ts';
import { KernelModules } from '../artifacts/kernel-modules.ts';
import { runTool } from '../artifacts/run-tool.ts';
import { builderSources, sourceDirectory } from '../artifacts/sources.ts';
import { extractVmlinux } from './kernel-image.ts';
import { buildRootTree } from './root-tree.ts';

/** Paths of the guest's files. */
export interface GuestImages {
  /** The kernel as Debian ships it. */
  readonly bzImage: string;
  /** The same kernel, uncompressed, as an ELF file. */
  readonly vmlinux: string;
  /** Initial root file system: loads the virtio drivers and mounts root=. */
  readonly initrd: string;
  /** Root disk, read-only. */
  readonly squashfs: string;
  /** Root disk, writable; copy it before a guest may write it. */
  readonly ext4: string;
}

/** Kernels that Debian builds: for virtual machines, and with everything (9p, for example). */
export const KERNEL_FLAVOURS = {
  cloud: 'linux-image-cloud-amd64',
  full: 'linux-image-amd64',
} as const;
export type KernelFlavour = keyof typeof KERNEL_FLAVOURS;

/** How to make the images. */
export interface GuestImageOptions {
  readonly log: ProgressLog;
  /** Which kernel; the cloud kernel by default. */
  readonly flavour?: KernelFlavour;
  /** Where they are kept; {@link cacheDirectory} by default. */
  readonly cache?: string;
}

const FILES = ['bzImage', 'vmlinux', 'initrd.cpio.gz', 'rootfs.squashfs', 'rootfs.ext4'] as const;
/** Modules of this folder. */
const BUILDERS = ['guest-images', 'kernel-image', 'root-tree'];
const SCRIPTS = 'src/guest-images/guest';
/** Room for a test to write in. */
const EXT4_SIZE = '64M';
/** Any constant: the same inputs shall make the same image. */
const EXT4_UUID = '6d1c6cf0-3f5b-4c4f-9d2b-6a4a1c0de001';

/**
 * Returns the guest's files, building them when they are missing or their builder changed.
 *
 * @throws ERR_PACKAGE_UNAVAILABLE, ERR_TOOL_MISSING, ERR_TOOL_FAILED; each says what to do.
 */
export async function ensureGuestImages(options: GuestImageOptions): Promise<GuestImages> {
  const flavour = options.flavour ?? 'cloud';
  const scripts = sourceDirectory(import.meta.dirname, SCRIPTS);
  const set = {
    name: `guest-${flavour}`,
    inputs: [...builderSources(import.meta.dirname, BUILDERS), ...readScripts(scripts)],
    files: FILES,
    build: (directory: string) =>
      buildImages(directory, KERNEL_FLAVOURS[flavour], scripts, options.log),
  };
  const files = await ensureArtifacts(set, options.cache ?? cacheDirectory());
  return {
    bzImage: files.bzImage,
    vmlinux: files.vmlinux,
    initrd: files['initrd.cpio.gz'],
    squashfs: files['rootfs.squashfs'],
    ext4: files['rootfs.ext4'],
  };
}

function readScripts(directory: string): Buffer[] {
  return readdirSync(directory)
    .sort()
    .map((name) => readFileSync(join(directory, name)));
}

async function buildImages(
  directory: string,
  kernelPackage: string,
  scripts: string,
  log: ProgressLog,
): Promise<Record<string, string>> {
  const work = join(directory, 'work');
  mkdirSync(work);
  const kernel = await findPackage(kernelPackage, /^linux-image-\d/);
  const busybox = await findPackage('busybox-static');
  const kernelRoot = await unpackPackage(kernel, work, log);
  const busyboxRoot = await unpackPackage(busybox, work, log);
  const modules = new KernelModules(kernelRoot);

  log('unpacking the kernel');
  copyFileSync(join(kernelRoot, `boot/vmlinuz-${modules.release}`), join(directory, 'bzImage'));
  writeFileSync(
    join(directory, 'vmlinux'),
    await extractVmlinux(readFileSync(join(directory, 'bzImage'))),
  );

  log('building the root disks and the initial root file system');
  const tree = join(work, 'tree');
  buildRootTree(tree, { busybox: join(busyboxRoot, 'bin/busybox'), scripts, modules });
  await makeRootDisks(tree, directory);
  writeFileSync(join(directory, 'initrd.cpio.gz'), makeInitrd(tree, scripts));
  rmSync(work, { recursive: true });
  return { [kernel.name]: kernel.version, [busybox.name]: busybox.version };
}

async function makeRootDisks(tree: string, directory: string): Promise<void> {
  const squashfs = [
    '-all-root',
    '-noappend',
    '-no-progress',
    '-quiet',
    '-mkfs-time',
    '0',
    '-all-time',
    '0',
  ];
  await runTool('mksquashfs', [tree, join(directory, 'rootfs.squashfs'), ...squashfs]);
  const ext4 = [
    '-q',
    '-F',
    '-d',
    tree,
    '-U',
    EXT4_UUID,
    '-E',
    `hash_seed=${EXT4_UUID},root_owner=0:0`,
  ];
  await runTool('mkfs.ext4', [...ext4, join(directory, 'rootfs.ext4'), EXT4_SIZE]);
}

function makeInitrd(tree: string, scripts: string): Buffer {
  const archive = new CpioArchive();
  archive.addTree(tree);
  archive.addFile('init', readFileSync(join(scripts, 'initrd-init')), 0o755);
  archive.addCharacterDevice('dev/console', 5, 1);
  return gzipSync(archive.toBuffer(), { level: 9 });
}
