/** The same machine for a user who has no privilege but to open /dev/kvm. */
import { chmodSync, copyFileSync, existsSync } from 'node:fs';
import { basename, join } from 'node:path';
import t from 'tap';
import tmp from 'tmp';
import { findDeviceProcesses } from '../../src/quickstart/device-processes.ts';
import { runCrosvm, SIGNS_OF_A_MISTAKE, startCrosvm } from '../support/crosvm-process.ts';
import {
  BOOT_TIMEOUT_MS,
  factOf,
  guestWords,
  linuxImages,
  linuxUnavailable,
  sectionOf,
} from '../support/linux-guest.ts';
import {
  asOrdinaryUser,
  copyProgram,
  makeUserDirectory,
  ordinaryUserUnavailable,
} from '../support/ordinary-user.ts';
import { findAlive } from '../support/process-tree.ts';
import { describeRun } from '../support/small-guest.ts';

const skip = linuxUnavailable() ?? ordinaryUserUnavailable() ?? false;

t.test('an ordinary user boots Linux with jailed devices and stops it', { skip }, async (t) => {
  const images = await linuxImages();
  const directory = tmp.dirSync({ unsafeCleanup: true });
  t.teardown(directory.removeCallback);
  chmodSync(directory.name, 0o755);
  const copies = [images.vmlinux, images.initrd, images.squashfs].map((path) => {
    const copy = join(directory.name, basename(path));
    copyFileSync(path, copy);
    chmodSync(copy, 0o644);
    return copy;
  });
  const [vmlinux = '', initrd = '', squashfs = ''] = copies;
  const user = {
    wrapper: asOrdinaryUser(),
    program: copyProgram(directory.name),
    cwd: directory.name,
  };
  const sockets = makeUserDirectory(join(directory.name, 'sockets'));

  const machine = startCrosvm(
    t,
    [
      ...['--extended-status', 'run', '--socket', sockets, '--initrd', initrd, '--root', squashfs],
      ...[...guestWords(['guest.mib=1', 'guest.end=idle']), vmlinux],
    ],
    user,
  );
  await machine.waitFor('guest: idle', BOOT_TIMEOUT_MS);
  const devices = findDeviceProcesses(machine.pid);
  t.equal(devices.length, 2, machine.describe());
  for (const device of devices) {
    t.equal(device.capabilities, '0000000000000000');
    t.same(device.ownNamespaces, ['user', 'pid', 'mnt', 'net', 'ipc', 'uts', 'cgroup']);
    t.equal(device.filteredThreads, device.threads, 'every thread is under the filter');
    t.ok(device.noNewPrivileges);
  }
  const socket = join(sockets, `crosvm-${machine.pid}.sock`);
  const stop = await runCrosvm(t, ['stop', socket], user);
  t.equal(stop.code, 0, describeRun(stop));
  const end = await machine.end(BOOT_TIMEOUT_MS);
  t.equal(end.code, 0, describeRun(end));
  t.match(end.stderr, /stopped by request/);
  t.notMatch(end.stderr, SIGNS_OF_A_MISTAKE);
  t.match(factOf(sectionOf(end.stdout, 'report'), 'rng'), /virtio_rng/);
  t.same(findAlive(devices.map(({ pid }) => pid)), []);
  t.notOk(existsSync(socket));
});
