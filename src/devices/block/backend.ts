/** Opens and locks the image of a disk, in the parent, and measures it. */
import { constants, fstatSync, openSync } from 'node:fs';
import { ConfigError, HostError } from '../../base/errors.ts';
import { log } from '../../base/log.ts';
import { OwnedFd } from '../../sys/fd.ts';
import { blockDeviceBytes, tryLock } from '../../sys/file.ts';
import { SECTOR_BYTES } from './constants.ts';
import type { BlockOptions } from './options.ts';

/**
 * Opens the image. The lock belongs to the open file, so it lasts as long as the device process has it.
 *
 * @throws ERR_DISK_OPEN, ERR_DISK_KIND, ERR_DISK_EMPTY, ERR_DISK_LOCKED
 */
export function openDisk(options: BlockOptions): OwnedFd {
  const { path } = options;
  const fd = new OwnedFd(openImage(options));
  try {
    const sizeBytes = diskBytes(fd.raw, path);
    if (sizeBytes < SECTOR_BYTES) {
      throw new ConfigError('ERR_DISK_EMPTY', `disk "${path}" has no room for a single sector`);
    }
    if (sizeBytes % SECTOR_BYTES !== 0) {
      const rest = sizeBytes % SECTOR_BYTES;
      log('warn', 'block', `disk "${path}": the guest does not see its last ${rest} bytes`);
    }
    if (options.lock && !tryLock(fd.raw, !options.readOnly)) {
      throw new ConfigError('ERR_DISK_LOCKED', lockedMessage(options));
    }
    return fd;
  } catch (error) {
    fd.close();
    throw error;
  }
}

/**
 * Size of an open image, in bytes.
 *
 * @throws ERR_DISK_KIND for what is neither a file nor a block device.
 */
export function diskBytes(fd: number, path: string): number {
  const stats = fstatSync(fd);
  if (stats.isFile()) {
    return stats.size;
  }
  if (stats.isBlockDevice()) {
    return blockDeviceBytes(fd);
  }
  throw new ConfigError(
    'ERR_DISK_KIND',
    `disk "${path}" is neither a regular file nor a block device`,
  );
}

function openImage({ path, readOnly, direct }: BlockOptions): number {
  const access = readOnly ? constants.O_RDONLY : constants.O_RDWR;
  // Without O_NONBLOCK, to open a FIFO by mistake would wait for its other end; it means nothing to disks.
  const flags = access | constants.O_NONBLOCK | (direct ? constants.O_DIRECT : 0);
  try {
    return openSync(path, flags);
  } catch (error) {
    const purpose = readOnly ? 'reading' : 'writing';
    const hint = readOnly ? '' : ' (a disk that may only be read needs the option "ro")';
    throw new HostError('ERR_DISK_OPEN', `cannot open disk "${path}" for ${purpose}${hint}`, {
      cause: error,
      syscall: 'open',
    });
  }
}

function lockedMessage({ path, readOnly }: BlockOptions): string {
  return readOnly
    ? `disk "${path}" is being written to by another program; "lock=false" would read it all the same`
    : `disk "${path}" is in use by another program; "ro" on both sides would share it`;
}
