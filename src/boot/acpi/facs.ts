/**
 * The firmware control structure: a waking vector and a lock that we never use, but which a machine with fixed
 * hardware must have. It has no checksum and lies on a 64-byte boundary. Spec: ACPI 6.5 §5.2.10.
 */
import { ByteWriter } from '../byte-writer.ts';

const FACS_BYTES = 64;
const VERSION_OFFSET = 32;
const VERSION = 2;

export function buildFacs(): Uint8Array {
  const writer = new ByteWriter().ascii('FACS').u32(FACS_BYTES);
  writer.zeros(VERSION_OFFSET - writer.length).u8(VERSION);
  return writer.zeros(FACS_BYTES - writer.length).finish();
}
