/**
 * Builds the small guest: `node test/guest/firmware/build.mjs [OUTPUT_DIR]`, by default dist/guest/.
 *
 * Prints the path of the image. Does nothing when the image is newer than every source.
 */
import { join, resolve } from 'node:path';
import { compileFolder } from './compile.mjs';

const directory = import.meta.dirname;
const FLAGS = [
  ...['-std=gnu11', '-Wall', '-Wextra', '-Werror', '-O2', '-ffreestanding'],
  ...['-fno-pic', '-fno-stack-protector', '-fno-asynchronous-unwind-tables'],
  ...['-fno-strict-aliasing', '-fcf-protection=none'],
  // No red zone and no vector registers: interrupts use the stack, and nobody saves those.
  ...['-mno-red-zone', '-mgeneral-regs-only', '-mcmodel=small'],
  ...['-nostdlib', '-static', '-no-pie', '-Wl,--build-id=none', '-Wl,-z,noexecstack'],
  ...['-Wl,--no-warn-rwx-segments', '-T', join(directory, 'layout.ld')],
];

const output = resolve(process.argv[2] ?? join(directory, '../../../dist/guest'));
const image = join(output, 'guest.elf');
compileFolder(directory, image, FLAGS);
console.log(image);
