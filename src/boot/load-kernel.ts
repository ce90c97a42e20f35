/** From a kernel file to a guest memory that can be started: kernel, initrd, command line and boot information. */
import { type GuestAddress, guestAddress } from '../base/brands.ts';
import { CMDLINE_MAX } from '../memory/layout.ts';
import { randomBytes } from '../sys/random.ts';
import type { BootFile } from './boot-file.ts';
import type { BootMemory } from './boot-memory.ts';
import { writeBootParams } from './boot-params.ts';
import { INITRD_ADDRESS_MAX_DEFAULT, loadBzImage, parseBzImage } from './bzimage.ts';
import { writeCmdline } from './cmdline.ts';
import { e820Map } from './e820.ts';
import { parseElf } from './elf.ts';
import { loadElf, type PlacedKernel } from './elf-load.ts';
import { loadInitrd } from './initrd.ts';
import { identifyKernel } from './kernel-image.ts';
import { writePvhStartInfo } from './pvh-start-info.ts';
import { RNG_SEED_BYTES, writeSetupData } from './setup-data.ts';

/** What to boot and where to put it. */
export interface LoadKernelOptions {
  readonly memory: BootMemory;
  readonly kernel: BootFile;
  readonly initrd?: BootFile;
  /** The whole command line, see `buildCmdline`. */
  readonly cmdline: string;
  /** Address of the ACPI root pointer, where there are ACPI tables. */
  readonly rsdp?: number;
}

/** How to start the boot processor. */
export type LoadedKernel =
  | {
      /** Long mode, identity-mapped; RSI holds `bootParams`. */
      readonly kind: 'linux64';
      readonly entry: GuestAddress;
      readonly bootParams: GuestAddress;
    }
  | {
      /** 32-bit protected mode without paging; EBX holds `startInfo`. */
      readonly kind: 'pvh32';
      readonly entry: GuestAddress;
      readonly startInfo: GuestAddress;
    };

/** A kernel in memory, with what its kind says of command line, initrd and setup header. */
interface KernelWithLimits {
  readonly placed: PlacedKernel;
  readonly cmdlineMaxBytes: number;
  readonly initrdAddressMax: number;
  readonly setupHeader?: Uint8Array;
}

/**
 * Loads a kernel and everything that it is told.
 *
 * @throws ConfigError with one of the ERR_KERNEL_*, ERR_INITRD_* and ERR_CMDLINE_* codes; guest memory may then
 *   hold a part of what was loaded.
 */
export function loadKernel(options: LoadKernelOptions): LoadedKernel {
  const { memory, kernel } = options;
  const { placed, setupHeader, cmdlineMaxBytes, initrdAddressMax } = loadImage(kernel, memory);
  const initrd =
    options.initrd === undefined
      ? undefined
      : loadInitrd(options.initrd, memory, {
          kernelEnd: placed.end,
          addressMax: initrdAddressMax,
        });
  const common = {
    cmdline: writeCmdline(memory, options.cmdline, cmdlineMaxBytes),
    e820: e820Map(memory),
    ...(initrd === undefined ? {} : { initrd }),
    ...(options.rsdp === undefined ? {} : { rsdp: options.rsdp }),
  };
  if (placed.kind === 'pvh32') {
    const startInfo = guestAddress(writePvhStartInfo(memory, common));
    return { kind: 'pvh32', entry: placed.entry, startInfo };
  }
  const setupData = writeSetupData(memory, randomBytes(RNG_SEED_BYTES));
  const header = setupHeader === undefined ? {} : { setupHeader };
  const bootParams = guestAddress(writeBootParams(memory, { ...common, setupData, ...header }));
  return { kind: 'linux64', entry: placed.entry, bootParams };
}

function loadImage(file: BootFile, memory: BootMemory): KernelWithLimits {
  if (identifyKernel(file) === 'bzimage') {
    const image = parseBzImage(file);
    const { setupHeader, cmdlineMaxBytes, initrdAddressMax } = image;
    const placed = loadBzImage(file, image, memory);
    return { placed, setupHeader, cmdlineMaxBytes, initrdAddressMax };
  }
  return {
    placed: loadElf(file, parseElf(file), memory),
    cmdlineMaxBytes: CMDLINE_MAX - 1,
    initrdAddressMax: INITRD_ADDRESS_MAX_DEFAULT,
  };
}
