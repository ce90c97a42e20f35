/** Kernel and initrd files that are broken or made to break: the program says so, names the file, and ends with 35. */

import { readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { runCrosvm, SIGNS_OF_A_MISTAKE } from '../support/crosvm-process.ts';
import { describeRun, smallGuestImage } from '../support/small-guest.ts';
import { kvmUnavailable } from '../support/tiny-machine.ts';

const skip = kvmUnavailable() ?? false;
/** Offsets in an ELF64 header (System V gABI, chapter 4). */
const E_PHOFF = 32;
const E_PHNUM = 56;
/** Offsets in an ELF64 program header. */
const P_PADDR = 24;
const P_FILESZ = 32;
const P_MEMSZ = 40;

/** The small guest with one number of its headers replaced. */
function damaged(change: (image: Buffer, firstSegment: number) => void): Buffer {
  const image = Buffer.from(readFileSync(smallGuestImage()));
  change(image, Number(image.readBigUInt64LE(E_PHOFF)));
  return image;
}

const KERNELS: Readonly<Record<string, () => Buffer>> = {
  empty: () => Buffer.alloc(0),
  text: () => Buffer.from('#!/bin/sh\necho no kernel\n'),
  zeroes: () => Buffer.alloc(1 << 20),
  'cut-within-the-header': () => readFileSync(smallGuestImage()).subarray(0, 40),
  'cut-within-a-segment': () => readFileSync(smallGuestImage()).subarray(0, 6000),
  '32-bit': () => damaged((image) => image.writeUInt8(1, 4)),
  'of-another-machine': () => damaged((image) => image.writeUInt16LE(183, 18)),
  'program-headers-far-away': () =>
    damaged((image) => image.writeBigUInt64LE(0xffff_ffff_ffff_fff0n, E_PHOFF)),
  'many-program-headers': () => damaged((image) => image.writeUInt16LE(0xffff, E_PHNUM)),
  'segment-beyond-ram': () =>
    damaged((image, segment) => image.writeBigUInt64LE(1n << 40n, segment + P_PADDR)),
  'segment-wraps': () =>
    damaged((image, segment) => image.writeBigUInt64LE(0xffff_ffff_ffff_f000n, segment + P_PADDR)),
  'segment-longer-than-the-file': () =>
    damaged((image, segment) => {
      image.writeBigUInt64LE(1n << 62n, segment + P_FILESZ);
      image.writeBigUInt64LE(1n << 62n, segment + P_MEMSZ);
    }),
  'bzimage-header-alone': () => {
    const image = Buffer.alloc(0x400);
    image.write('HdrS', 0x202, 'latin1');
    image.writeUInt16LE(0xaa55, 0x1fe);
    image.writeUInt16LE(0x20f, 0x206);
    return image;
  },
};

for (const [name, makeKernel] of Object.entries(KERNELS)) {
  t.test(
    `crosvm run with a kernel that is ${name}: 35, and the file is named`,
    { skip },
    async (t) => {
      const path = join(t.testdir(), 'vmlinux');
      writeFileSync(path, makeKernel());
      const end = await runCrosvm(t, ['run', '--disable-sandbox', '--no-rng', path]);
      t.equal(end.code, 35, describeRun(end));
      t.ok(end.stderr.includes(path), end.stderr);
      t.notMatch(end.stderr, SIGNS_OF_A_MISTAKE);
    },
  );
}

t.test(
  'crosvm run with an initrd that does not fit: 35, and the file is named',
  { skip },
  async (t) => {
    const path = join(t.testdir(), 'initrd');
    writeFileSync(path, '');
    truncateSync(path, 300 << 20);
    const args = ['run', '--disable-sandbox', '--no-rng', '--initrd', path, smallGuestImage()];
    const end = await runCrosvm(t, args);
    t.equal(end.code, 35, describeRun(end));
    t.ok(end.stderr.includes(path), end.stderr);
  },
);

t.test(
  'crosvm run with a command line that is too long: 35, with the limit',
  { skip },
  async (t) => {
    const words = 'x'.repeat(3000);
    const args = ['run', '--disable-sandbox', '--no-rng', '--params', words, smallGuestImage()];
    const end = await runCrosvm(t, args);
    t.equal(end.code, 35, describeRun(end));
    t.match(end.stderr, /command line.*2047|2048/);
    t.ok(end.stderr.length < 2000, 'it is not repeated in full');
  },
);
