/** Output of commands: complete under its name, or not there at all. */
import { randomBytes } from 'node:crypto';
import { lstatSync, realpathSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { ConfigError } from '../base/errors.ts';

/**
 * Writes a file under a temporary name beside it and renames it, so that a failure leaves what was there before.
 * `-` is standard output. What is no regular file (a pipe, `/dev/null`) is written to, never replaced.
 *
 * @param option that named the file, for messages.
 * @throws ERR_OUTPUT_FILE naming option and path.
 */
export function writeOutput(option: string, path: string, content: Uint8Array | string): void {
  if (path === '-') {
    process.stdout.write(content);
    return;
  }
  try {
    const target = realTarget(path);
    if (isSpecialFile(target)) {
      writeFileSync(target, content);
    } else {
      replaceFile(target, content);
    }
  } catch (cause) {
    throw new ConfigError('ERR_OUTPUT_FILE', `${option} ${path} cannot be written`, { cause });
  }
}

/** Behind symbolic links: renaming over a link would replace the link. */
function realTarget(path: string): string {
  return lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() === true
    ? realpathSync(path)
    : path;
}

function isSpecialFile(path: string): boolean {
  const stat = statSync(path, { throwIfNoEntry: false });
  return stat !== undefined && !stat.isFile();
}

function replaceFile(path: string, content: Uint8Array | string): void {
  const temporary = join(dirname(path), `.${randomBytes(6).toString('hex')}.tmp`);
  try {
    writeFileSync(temporary, content, { flag: 'wx' });
    renameSync(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
}
