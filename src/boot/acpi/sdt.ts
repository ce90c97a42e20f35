/**
 * The header that every ACPI table but RSDP and FACS begins with.
 *
 * ```
 * offset  width   field              offset  width   field
 *      0      4   signature              16      8   OEM table id
 *      4      4   length of the table    24      4   OEM revision
 *      8      1   revision               28      4   creator id
 *      9      1   checksum               32      4   creator revision
 *     10      6   OEM id
 * ```
 *
 * Spec: ACPI 6.5 §5.2.6.
 */
import { ByteWriter, checksumOf } from '../byte-writer.ts';

export const SDT_HEADER_BYTES = 36;
export const OEM_ID = 'CROSVM';
const OEM_TABLE_ID = 'CROSVMDT';
const OEM_REVISION = 1;
const CREATOR_ID = 'CRVM';
const CREATOR_REVISION = 1;
const CHECKSUM_OFFSET = 9;

/** A whole table: header, body, length and checksum. */
export function buildTable(signature: string, revision: number, body: Uint8Array): Uint8Array {
  const writer = new ByteWriter()
    .ascii(signature, 4)
    .u32(SDT_HEADER_BYTES + body.length)
    .u8(revision)
    .u8(0)
    .ascii(OEM_ID, 6)
    .ascii(OEM_TABLE_ID, 8)
    .u32(OEM_REVISION)
    .ascii(CREATOR_ID, 4)
    .u32(CREATOR_REVISION)
    .bytes(body);
  return writer.patchU8(CHECKSUM_OFFSET, checksumOf(writer.finish())).finish();
}
