/** Kernel and initial root file system of the nested host, out of Debian packages, in the cache. */

import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { cacheDirectory, ensureArtifacts } from '../artifacts/cache.ts';
import { CpioArchive } from '../artifacts/cpio.ts';
import { findPackage, type ProgressLog, unpackPackage } from '../artifacts/debian-package.ts';
import { KernelModules } from '../artifacts/kernel-modules.ts';
import { builderSources } from '../artifacts/sources.ts';

/** Paths of the nested host's files. */
export interface HostImages {
  readonly kernel: string;
  readonly initrd: string;
}

const FILES = ['vmlinuz', 'initrd.cpio.gz'] as const;

/** KVM on AMD's SVM, which QEMU emulates; what devices of a VMM need; what the nested host itself runs on. */
const HOST_MODULES = [
  'kvm_amd',
  'tun',
  'vhost_net',
  'vhost_vsock',
  'loop',
  'ext4',
  'squashfs',
  'virtio_pci',
  'virtio_console',
  '9p',
  '9pnet_virtio',
  'overlay',
];

/**
 * Returns the nested host's kernel and initial root file system, building them when they are missing.
 *
 * @param scripts directory of the scripts that run as process 1 in there.
 * @throws ERR_PACKAGE_UNAVAILABLE, ERR_TOOL_FAILED.
 */
export async function ensureHostImages(
  scripts: string,
  log: ProgressLog,
  cache: string = cacheDirectory(),
): Promise<HostImages> {
  const init = readFileSync(join(scripts, 'initrd-init'));
  const set = {
    name: 'nested-host',
    inputs: [...builderSources(import.meta.dirname, ['host-images']), init],
    files: FILES,
    build: (directory: string) => buildImages(directory, init, log),
  };
  const files = await ensureArtifacts(set, cache);
  return { kernel: files.vmlinuz, initrd: files['initrd.cpio.gz'] };
}

async function buildImages(
  directory: string,
  init: Buffer,
  log: ProgressLog,
): Promise<Record<string, string>> {
  const work = join(directory, 'work');
  mkdirSync(work);
  const kernel = await findPackage('linux-image-amd64', /^linux-image-\d/);
  const busybox = await findPackage('busybox-static');
  const kernelRoot = await unpackPackage(kernel, work, log);
  const busyboxRoot = await unpackPackage(busybox, work, log);
  log('building the nested host');
  const modules = new KernelModules(kernelRoot);
  copyFileSync(join(kernelRoot, `boot/vmlinuz-${modules.release}`), join(directory, 'vmlinuz'));
  const initrd = makeInitrd(join(busyboxRoot, 'bin/busybox'), modules, init);
  writeFileSync(join(directory, 'initrd.cpio.gz'), initrd);
  rmSync(work, { recursive: true });
  return { [kernel.name]: kernel.version, [busybox.name]: busybox.version };
}

function makeInitrd(busybox: string, modules: KernelModules, init: Buffer): Buffer {
  const archive = new CpioArchive();
  for (const directory of ['dev', 'proc', 'sys']) {
    archive.addDirectory(directory);
  }
  archive.addFile('init', init, 0o755);
  archive.addFile('bin/busybox', readFileSync(busybox), 0o755);
  const applets = execFileSync(busybox, ['--list'], { encoding: 'utf8' }).split('\n');
  for (const applet of applets.filter((name) => name !== '' && name !== 'busybox')) {
    archive.addSymlink(`bin/${applet}`, 'busybox');
  }
  const ordered = modules.inLoadOrder(HOST_MODULES);
  for (const module of ordered) {
    archive.addFile(`modules/${module.name}.ko`, readFileSync(module.file));
  }
  archive.addFile('modules/load-order', ordered.map(({ name }) => `${name}.ko\n`).join(''));
  return gzipSync(archive.toBuffer());
}
