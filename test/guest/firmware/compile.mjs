/** Compiles the C and assembly files of a folder into one program, when one of them has changed. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, renameSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';

function modifiedAt(path) {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}

/**
 * Leaves a program alone that is newer than every file of the folder, headers and scripts among them.
 *
 * @param {string} directory of the sources
 * @param {string} program path of the result; its folder is made
 * @param {readonly string[]} flags for the compiler, which also links
 */
export function compileFolder(directory, program, flags) {
  const inputs = readdirSync(directory).filter((name) => /\.(c|S|h|ld|mjs)$/.test(name));
  const newest = Math.max(...inputs.map((name) => modifiedAt(join(directory, name))));
  if (modifiedAt(program) > newest) {
    return;
  }
  mkdirSync(dirname(program), { recursive: true });
  // Linked under another name first: two builds side by side must not show each other half a program.
  const unfinished = `${program}.${process.pid}`;
  const sources = inputs
    .filter((name) => /\.[cS]$/.test(name))
    .map((name) => join(directory, name));
  execFileSync(process.env.CC ?? 'gcc', [...flags, '-o', unfinished, ...sources], {
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  renameSync(unfinished, program);
}
