/**
 * Takes the ELF kernel (`vmlinux`) out of a bzImage: the boot sector's header says where the compressed payload is
 * (Linux Documentation/arch/x86/boot.rst, payload_offset), its first bytes say how it was compressed.
 */
import { gunzipSync } from 'node:zlib';
import { runTool } from '../artifacts/run-tool.ts';
import { HostError } from '../base/errors.ts';

/** Fields of the setup header, as offsets in the file. */
const SETUP_SECTS = 0x1f1;
const HEADER_MAGIC = 0x202;
const HEADER_VERSION = 0x206;
const PAYLOAD_OFFSET = 0x248;
const PAYLOAD_LENGTH = 0x24c;

const HDRS = 0x5372_6448;
/** payload_offset came with this version of the boot protocol. */
const VERSION_WITH_PAYLOAD = 0x0208;
const SECTOR_BYTES = 512;
/** What a 0 in setup_sects means. */
const SETUP_SECTS_DEFAULT = 4;
/** The build appends the size of the uncompressed kernel to the payload. */
const SIZE_TRAILER_BYTES = 4;
const ELF_MAGIC = Buffer.from([0x7f, 0x45, 0x4c, 0x46]);

interface Compression {
  readonly magic: Buffer;
  decompress(payload: Buffer): Promise<Buffer>;
}

function byTool(magic: number[], tool: string): Compression {
  return {
    magic: Buffer.from(magic),
    decompress: (payload) => runTool(tool, ['-dc'], { input: payload }),
  };
}

const COMPRESSIONS: readonly Compression[] = [
  {
    magic: Buffer.from([0x1f, 0x8b]),
    decompress: (payload) => Promise.resolve(gunzipSync(payload)),
  },
  byTool([0x02, 0x21, 0x4c, 0x18], 'lz4'),
  byTool([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00], 'xz'),
  byTool([0x28, 0xb5, 0x2f, 0xfd], 'zstd'),
];

/**
 * The ELF file inside a bzImage.
 *
 * @throws ERR_KERNEL_IMAGE when it is not a bzImage with a payload that Debian's tools can unpack.
 */
export async function extractVmlinux(bzImage: Buffer): Promise<Buffer> {
  const payload = findPayload(bzImage);
  const compression = COMPRESSIONS.find(({ magic }) => startsWith(payload, magic));
  if (compression === undefined) {
    const start = payload.toString('hex', 0, 8);
    throw new HostError(
      'ERR_KERNEL_IMAGE',
      `the kernel's payload is compressed in an unknown way (it begins ${start})`,
    );
  }
  const vmlinux = await compression.decompress(payload);
  if (!startsWith(vmlinux, ELF_MAGIC)) {
    throw new HostError('ERR_KERNEL_IMAGE', "the kernel's payload is not an ELF file");
  }
  return vmlinux;
}

function findPayload(image: Buffer): Buffer {
  const hasHeader = image.length >= PAYLOAD_LENGTH + 4 && image.readUInt32LE(HEADER_MAGIC) === HDRS;
  if (!hasHeader || image.readUInt16LE(HEADER_VERSION) < VERSION_WITH_PAYLOAD) {
    throw new HostError('ERR_KERNEL_IMAGE', 'not a bzImage of boot protocol 2.08 or later');
  }
  const setupSectors = image.readUInt8(SETUP_SECTS) || SETUP_SECTS_DEFAULT;
  // The offset counts from the protected-mode code, which follows the boot sector and the setup sectors.
  const start = (setupSectors + 1) * SECTOR_BYTES + image.readUInt32LE(PAYLOAD_OFFSET);
  const end = start + image.readUInt32LE(PAYLOAD_LENGTH) - SIZE_TRAILER_BYTES;
  if (start >= end || end > image.length) {
    throw new HostError(
      'ERR_KERNEL_IMAGE',
      `the payload [${start}, ${end}) lies outside the bzImage of ${image.length} bytes`,
    );
  }
  return image.subarray(start, end);
}

function startsWith(bytes: Buffer, magic: Buffer): boolean {
  return bytes.subarray(0, magic.length).equals(magic);
}
