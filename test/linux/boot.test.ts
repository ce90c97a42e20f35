/** A stock Debian kernel in the machines that people start: what it finds, and how it ends. */
import { createHash } from 'node:crypto';
import { openSync, readFileSync, readSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { projectRoot } from '../../src/artifacts/sources.ts';
import { runCrosvm, SIGNS_OF_A_MISTAKE, startCrosvm } from '../support/crosvm-process.ts';
import {
  BOOT_TIMEOUT_MS,
  factOf,
  factsOf,
  guestWords,
  linuxImages,
  linuxUnavailable,
  scriptWord,
  sectionOf,
} from '../support/linux-guest.ts';
import { findAlive } from '../support/process-tree.ts';
import { describeRun } from '../support/small-guest.ts';

const skip = linuxUnavailable() ?? false;
const GOLDEN = join(projectRoot(import.meta.dirname), 'test/fixtures/golden/lspci.txt');
const MIB = 1 << 20;
const timeoutMs = BOOT_TIMEOUT_MS;

/** SHA-256 of the start of a file, as the guest computes it of a disk. */
function hashOfStart(path: string, sizeBytes: number): string {
  const bytes = Buffer.alloc(sizeBytes);
  const length = readSync(openSync(path, 'r'), bytes, 0, sizeBytes, 0);
  return createHash('sha256').update(bytes.subarray(0, length)).digest('hex');
}

t.test(
  'vmlinux, initrd, squashfs, 4 vCPUs, 128 MiB, jailed: the report, PCI, power-off',
  { skip },
  async (t) => {
    const { vmlinux, initrd, squashfs } = await linuxImages();
    const scratch = join(t.testdir(), 'scratch.img');
    writeFileSync(scratch, '');
    truncateSync(scratch, MIB);
    const disks = ['--root', squashfs, '--rwdisk', scratch];
    const machine = startCrosvm(t, [
      ...['--extended-status', 'run', '--cpus', '4', '--mem', '128', '--initrd', initrd],
      ...[...disks, ...guestWords(['guest.mib=1', 'guest.pause=1']), vmlinux],
    ]);
    await machine.waitFor('guest: END report', timeoutMs);
    const processes = machine.descendants();
    t.equal(processes.length, 3, 'two disks and the entropy device have processes of their own');
    machine.type('\n');
    const end = await machine.end(timeoutMs);

    t.equal(end.code, 0, describeRun(end));
    t.match(end.stderr, /the guest powered off/);
    t.notMatch(end.stderr, SIGNS_OF_A_MISTAKE);
    const facts = sectionOf(end.stdout, 'report');
    t.match(factOf(facts, 'kernel'), /^Linux 6\.1\..* x86_64$/);
    t.match(factOf(facts, 'cmdline'), /console=ttyS0 .*root=\/dev\/vda ro .*quiet/);
    t.equal(factOf(facts, 'cpus'), '4');
    const memoryKib = Number.parseInt(factOf(facts, 'memory') ?? '0', 10);
    t.ok(memoryKib > 64 * 1024 && memoryKib < 128 * 1024, `${memoryKib} KiB`);
    t.match(factOf(facts, 'root'), /^\/dev\/(root|vda) \/ squashfs ro/);
    t.equal(factOf(facts, 'rng'), 'virtio_rng.0');
    t.match(factOf(facts, 'random'), /^(?!0{32})[0-9a-f]{32}$/);
    const golden = readFileSync(GOLDEN, 'utf8').trimEnd().split('\n');
    t.same(factsOf(facts, 'pci'), golden, 'the guest finds the PCI functions of the golden file');
    t.equal(factOf(facts, 'sha256')?.split(' ').at(-1), hashOfStart(squashfs, MIB));
    t.same(findAlive(processes), [], 'no device process is left');
  },
);

t.test(
  'bzImage, 1 vCPU, 5 GiB, --disable-sandbox: the memory is there, reboot ends with 32',
  { skip },
  async (t) => {
    const { bzImage, initrd, squashfs } = await linuxImages();
    const end = await runCrosvm(
      t,
      [
        ...['--extended-status', 'run', '--disable-sandbox', '--cpus', '1', '--mem', '5120'],
        ...['--initrd', initrd, '--root', squashfs],
        ...[...guestWords(['guest.mib=1', 'guest.end=reboot']), bzImage],
      ],
      { timeoutMs },
    );
    t.equal(end.code, 32, describeRun(end));
    t.match(end.stderr, /the guest asked for a reset/);
    t.notMatch(end.stderr, SIGNS_OF_A_MISTAKE);
    const facts = sectionOf(end.stdout, 'report');
    t.equal(factOf(facts, 'cpus'), '1');
    const memoryMib = Number.parseInt(factOf(facts, 'memory') ?? '0', 10) / 1024;
    t.ok(memoryMib > 4800 && memoryMib < 5120, `${memoryMib} MiB`);
    t.equal(factOf(facts, 'sha256')?.split(' ').at(-1), hashOfStart(squashfs, MIB));
  },
);

t.test(
  'eight disks at once: each is its own, writes land where they belong, panic ends with 34',
  { skip },
  async (t) => {
    const { vmlinux, initrd, squashfs } = await linuxImages();
    const directory = t.testdir();
    const disks = Array.from({ length: 7 }, (_, index) => {
      const path = join(directory, `disk${index}.img`);
      writeFileSync(path, `disk number ${index}\n`);
      truncateSync(path, (index + 1) * MIB);
      return path;
    });
    // vda is the root; of vdb to vdh every second one may be written.
    const options = disks.flatMap((path, index) => [index % 2 === 0 ? '--disk' : '--rwdisk', path]);
    const script = `
    for letter in b c d e f g h; do
      disk=/dev/vd$letter
      echo "found $letter $(cat /sys/block/vd$letter/size) $(cat /sys/block/vd$letter/ro) $(head -n 1 $disk)"
      echo "written by the guest to $letter" | dd of=$disk bs=512 seek=8 count=1 conv=sync,fsync 2>/dev/null \\
        && echo "wrote $letter"
    done
    echo 1 >/proc/sys/kernel/panic_on_oops`;
    const end = await runCrosvm(
      t,
      [
        ...['--extended-status', 'run', '--initrd', initrd, '--root', squashfs, ...options],
        ...[...guestWords(['guest.mode=run', 'guest.end=panic', scriptWord(script)]), vmlinux],
      ],
      { timeoutMs },
    );
    const lines = sectionOf(end.stdout, 'run');
    t.same(
      factsOf(lines, 'found'),
      disks.map((_, index) => {
        const letter = 'bcdefgh'.charAt(index);
        return `${letter} ${(index + 1) * 2048} ${index % 2 === 0 ? 1 : 0} disk number ${index}`;
      }),
    );
    t.same(factsOf(lines, 'wrote'), ['c', 'e', 'g']);
    disks.forEach((path, index) => {
      const text = readFileSync(path)
        .subarray(4096, 4608)
        .toString('latin1')
        .replaceAll('\0', '')
        .trim();
      t.equal(text, index % 2 === 0 ? '' : `written by the guest to ${'bcdefgh'.charAt(index)}`);
    });
    t.equal(end.code, 34, describeRun(end));
    t.match(end.stderr, /the guest reported a kernel panic/);
    t.notMatch(end.stderr, SIGNS_OF_A_MISTAKE);
  },
);
