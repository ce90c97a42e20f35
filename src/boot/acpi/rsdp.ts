/**
 * The root pointer, which guests are given by address or find on a 16-byte boundary from 0xe0000.
 *
 * Spec: ACPI 6.5 §5.2.5.3.
 */
import { ByteWriter, checksumOf } from '../byte-writer.ts';
import { OEM_ID } from './sdt.ts';

export const RSDP_BYTES = 36;
/** The first checksum covers the ACPI 1.0 part only. */
const RSDP_V1_BYTES = 20;
const CHECKSUM_OFFSET = 8;
const EXTENDED_CHECKSUM_OFFSET = 32;
const REVISION = 2;

/** A root pointer to an XSDT; there is no RSDT. */
export function buildRsdp(xsdt: number): Uint8Array {
  const writer = new ByteWriter()
    .ascii('RSD PTR ')
    .u8(0)
    .ascii(OEM_ID, 6)
    .u8(REVISION)
    .u32(0)
    .u32(RSDP_BYTES)
    .u64(xsdt)
    .u8(0)
    .zeros(3);
  writer.patchU8(CHECKSUM_OFFSET, checksumOf(writer.finish().subarray(0, RSDP_V1_BYTES)));
  return writer.patchU8(EXTENDED_CHECKSUM_OFFSET, checksumOf(writer.finish())).finish();
}
