/** Tells what kind of kernel a file is, by its content. */
import { type BootFile, bootFileError } from './boot-file.ts';
import { BOOT_FLAG_MAGIC, BOOT_PARAMS, HEADER_MAGIC } from './boot-params-layout.ts';
import { LeReader } from './le-reader.ts';

export type KernelKind = 'elf' | 'bzimage';

const ELF_MAGIC = 0x464c_457f;
const PROBE_BYTES = BOOT_PARAMS.header + 4;

/** What users pass by mistake, by its first four bytes under a mask. */
const MISTAKES: readonly {
  readonly magic: number;
  readonly mask: number;
  readonly name: string;
}[] = [
  { magic: 0x0000_8b1f, mask: 0xffff, name: 'gzip data' },
  { magic: 0x587a_37fd, mask: 0xffff_ffff, name: 'xz data' },
  { magic: 0xfd2f_b528, mask: 0xffff_ffff, name: 'zstd data' },
  { magic: 0x184c_2102, mask: 0xffff_ffff, name: 'LZ4 data' },
  { magic: 0xfb49_4651, mask: 0xffff_ffff, name: 'a qcow2 disk image' },
];

/**
 * Looks at the first bytes of a kernel file.
 *
 * @throws ERR_KERNEL_FORMAT, ERR_KERNEL_READ
 */
export function identifyKernel(file: BootFile): KernelKind {
  const bytes = new Uint8Array(PROBE_BYTES);
  file.readAt(bytes, 0);
  const reader = new LeReader(bytes);
  const magic = reader.u32(0);
  if (magic === ELF_MAGIC) {
    return 'elf';
  }
  const hasBootFlag = reader.u16(BOOT_PARAMS.bootFlag) === BOOT_FLAG_MAGIC;
  if (hasBootFlag && reader.u32(BOOT_PARAMS.header) === HEADER_MAGIC) {
    return 'bzimage';
  }
  const mistake = MISTAKES.find((known) => (magic & known.mask) >>> 0 === known.magic);
  throw bootFileError(
    file,
    'ERR_KERNEL_FORMAT',
    `it is ${mistake?.name ?? 'neither an ELF file nor a bzImage'}`,
    'give an uncompressed x86-64 vmlinux (ELF) or a bzImage',
  );
}
