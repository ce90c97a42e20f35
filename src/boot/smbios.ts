/**
 * SMBIOS tables: who made the machine, as `dmidecode` and `systemd-detect-virt` read it.
 *
 * The 64-bit entry point is at 0xf0000, its structures right behind it: BIOS (type 0), system (type 1), end (127).
 * Each is a formatted area, which refers to strings by number, and the strings, ended by an empty one.
 *
 * Spec: DMTF DSP0134 (SMBIOS 3.2), §5.2.2, §7.1, §7.2, §7.45.
 */
import { assert } from '../base/assert.ts';
import { SMBIOS_END, SMBIOS_START } from '../memory/layout.ts';
import type { BootMemory } from './boot-memory.ts';
import { ByteWriter, checksumOf } from './byte-writer.ts';

const ENTRY_POINT_BYTES = 24;
const ENTRY_POINT_REVISION_3_0 = 1;
const TYPE_BIOS = 0;
const TYPE_SYSTEM = 1;
const TYPE_END = 127;
const HEADER_BYTES = 4;
/** BIOS characteristics, bit 7. */
const PCI_IS_SUPPORTED = 1 << 7;
/** BIOS characteristics extension byte 2, bit 4. */
const IS_VIRTUAL_MACHINE = 1 << 4;
const UUID_BYTES = 16;

/** Writes the tables; returns the address of the entry point. */
export function writeSmbios(memory: BootMemory): number {
  const structures = new ByteWriter();
  writeStructure(structures, 1, TYPE_BIOS, biosInformation(), ['crosvm', '0']);
  writeStructure(structures, 2, TYPE_SYSTEM, systemInformation(), ['ChromiumOS', 'crosvm']);
  writeStructure(structures, 3, TYPE_END, new Uint8Array(0), []);
  const bytes = structures.finish();
  const address = SMBIOS_START + ENTRY_POINT_BYTES;
  assert(address + bytes.length <= SMBIOS_END, `${bytes.length} bytes of SMBIOS structures`);
  memory.write(address, bytes);
  memory.write(SMBIOS_START, entryPoint(address, bytes.length));
  return SMBIOS_START;
}

function entryPoint(address: number, sizeBytes: number): Uint8Array {
  const writer = new ByteWriter().ascii('_SM3_');
  const checksumAt = writer.length;
  // SMBIOS 3.2.0.
  writer.u8(0).u8(ENTRY_POINT_BYTES).u8(3).u8(2).u8(0);
  writer.u8(ENTRY_POINT_REVISION_3_0).u8(0).u32(sizeBytes).u64(address);
  return writer.patchU8(checksumAt, checksumOf(writer.finish())).finish();
}

function writeStructure(
  writer: ByteWriter,
  handle: number,
  type: number,
  formatted: Uint8Array,
  strings: readonly string[],
): void {
  writer
    .u8(type)
    .u8(HEADER_BYTES + formatted.length)
    .u16(handle)
    .bytes(formatted);
  for (const text of strings) {
    writer.ascii(text).u8(0);
  }
  // An empty string ends the list; a list without strings has two terminators.
  writer.zeros(strings.length === 0 ? 2 : 1);
}

/** Type 0 after its header: vendor is string 1, version string 2. */
function biosInformation(): Uint8Array {
  const segment = 0;
  const releaseDate = 0;
  const romSize = 0;
  const writer = new ByteWriter().u8(1).u8(2).u16(segment).u8(releaseDate).u8(romSize);
  return writer.u64(PCI_IS_SUPPORTED).u8(0).u8(IS_VIRTUAL_MACHINE).finish();
}

/** Type 1 after its header: manufacturer is string 1, product string 2; no version, serial number, SKU or family. */
function systemInformation(): Uint8Array {
  const writer = new ByteWriter().u8(1).u8(2).u8(0).u8(0).zeros(UUID_BYTES);
  const wakeUpType = 0;
  return writer.u8(wakeUpType).u8(0).u8(0).finish();
}
