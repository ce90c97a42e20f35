/**
 * Builds the C reference: `node bench/reference/build.mjs [OUTPUT_DIR]`, by default dist/bench-reference/.
 *
 * Prints the path of the program. Does nothing when it is newer than every source.
 */
import { join, resolve } from 'node:path';
import { compileFolder } from '../../test/guest/firmware/compile.mjs';

const FLAGS = ['-std=gnu11', '-O2', '-Wall', '-Wextra', '-Werror', '-pthread'];

const directory = import.meta.dirname;
const output = resolve(process.argv[2] ?? join(directory, '../../dist/bench-reference'));
const program = join(output, 'kvm_reference');
compileFolder(directory, program, FLAGS);
console.log(program);
