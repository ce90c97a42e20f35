/**
 * The guest's root directory, before it becomes a file system image or an initial root file system: busybox, the
 * scripts of guest/, the modules that the guest may want, and empty mount points.
 */
import { execFileSync } from 'node:child_process';
import { chmodSync, copyFileSync, cpSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { KernelModules } from '../artifacts/kernel-modules.ts';

const MOUNT_POINTS = ['dev', 'mnt', 'proc', 'root', 'run', 'sys', 'tmp'];

/** Drivers and file systems for whatever a test attaches; names as lsmod shows them. */
const GUEST_MODULES = [
  'virtio_pci',
  'virtio_blk',
  'virtio_rng',
  'virtio_net',
  'virtio_console',
  'virtio_balloon',
  'virtio_pmem',
  'virtiofs',
  'vmw_vsock_virtio_transport',
  'ext4',
  'squashfs',
  'overlay',
  'button',
  'evdev',
  'pvpanic_mmio',
  'pvpanic_pci',
  // Debian's cloud kernel is built without 9p.
  '9p',
  '9pnet_virtio',
] as const;

/** What the tree is made of. */
export interface RootTreeSources {
  /** A statically linked busybox. */
  readonly busybox: string;
  /** The directory of the guest's scripts. */
  readonly scripts: string;
  readonly modules: KernelModules;
}

/** Fills the empty directory `root`. */
export function buildRootTree(root: string, sources: RootTreeSources): void {
  for (const directory of ['bin', 'sbin', 'etc', 'lib/guest', ...MOUNT_POINTS]) {
    mkdirSync(join(root, directory), { recursive: true });
  }
  installBusybox(root, sources.busybox);
  installScript(join(sources.scripts, 'sbin-init'), join(root, 'sbin/init'));
  for (const script of ['functions', 'power-button']) {
    installScript(join(sources.scripts, script), join(root, 'lib/guest', script));
  }
  writeFileSync(join(root, 'etc/passwd'), 'root::0:0:root:/root:/bin/sh\n');
  writeFileSync(join(root, 'etc/group'), 'root:x:0:\n');
  installModules(root, sources.modules);
}

function installBusybox(root: string, busybox: string): void {
  copyFileSync(busybox, join(root, 'bin/busybox'));
  chmodSync(join(root, 'bin/busybox'), 0o755);
  const applets = execFileSync(busybox, ['--list'], { encoding: 'utf8' }).split('\n');
  for (const applet of applets) {
    // `init` would be taken for the guest's own by whoever looks for it along the path.
    if (applet !== '' && applet !== 'busybox' && applet !== 'init' && applet !== 'linuxrc') {
      symlinkSync('busybox', join(root, 'bin', applet));
    }
  }
}

function installScript(from: string, to: string): void {
  copyFileSync(from, to);
  chmodSync(to, 0o755);
}

/** Copies the modules and writes the modules.dep that busybox's modprobe reads. */
function installModules(root: string, modules: KernelModules): void {
  const directory = join(root, 'lib/modules', modules.release);
  const present = GUEST_MODULES.filter((name) => modules.has(name));
  const lines: string[] = [];
  for (const module of modules.inLoadOrder(present)) {
    const target = join(directory, module.path);
    mkdirSync(dirname(target), { recursive: true });
    cpSync(module.file, target);
    // What is needed first stands last, as depmod has it.
    const needed = modules.inLoadOrder([module.name]).slice(0, -1).reverse();
    lines.push(`${module.path}: ${needed.map(({ path }) => path).join(' ')}`.trimEnd());
  }
  writeFileSync(join(directory, 'modules.dep'), `${lines.join('\n')}\n`);
}
