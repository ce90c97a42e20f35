/**
 * All ACPI tables, in the window from 0xe0000: the root pointer first, then the rest on 64-byte boundaries.
 *
 * ```
 * RSDP ── XSDT ─┬─ FADT ─┬─ FACS
 *               ├─ MADT  └─ DSDT
 *               └─ MCFG
 * ```
 *
 * Spec: ACPI 6.5 §5.2.
 */
import { assert } from '../../base/assert.ts';
import { ACPI_END, ACPI_START } from '../../memory/layout.ts';
import type { BootMemory } from '../boot-memory.ts';
import { assertPlatform, type PlatformDescription } from '../platform.ts';
import { buildDsdt } from './dsdt.ts';
import { buildFacs } from './facs.ts';
import { buildFadt } from './fadt.ts';
import { buildMadt } from './madt.ts';
import { buildMcfg } from './mcfg.ts';
import { buildRsdp, RSDP_BYTES } from './rsdp.ts';
import { buildXsdt } from './xsdt.ts';

/** The FACS asks for it; the others take it as crosvm does. */
const ALIGNMENT = 64;

/** Writes the tables; returns the address of the root pointer. */
export function writeAcpiTables(memory: BootMemory, platform: PlatformDescription): number {
  assertPlatform(platform);
  let next = ACPI_START + RSDP_BYTES;
  const place = (table: Uint8Array): number => {
    const address = Math.ceil(next / ALIGNMENT) * ALIGNMENT;
    next = address + table.length;
    assert(next <= ACPI_END, 'the ACPI tables outgrew their window');
    memory.write(address, table);
    return address;
  };
  const facs = place(buildFacs());
  const dsdt = place(buildDsdt(platform));
  const fadt = place(buildFadt(platform, { facs, dsdt }));
  const madt = place(buildMadt(platform));
  const mcfg = place(buildMcfg());
  const xsdt = place(buildXsdt([fadt, madt, mcfg]));
  memory.write(ACPI_START, buildRsdp(xsdt));
  return ACPI_START;
}
