/** Where PCI Express configuration space (ECAM) lies. Spec: PCI Firmware Specification 3.3 §4.1.2. */
import { ECAM_BUS_COUNT, ECAM_START } from '../../memory/layout.ts';
import { ByteWriter } from '../byte-writer.ts';
import { buildTable } from './sdt.ts';

const REVISION = 1;

export function buildMcfg(): Uint8Array {
  const segment = 0;
  const body = new ByteWriter()
    .zeros(8)
    .u64(ECAM_START)
    .u16(segment)
    .u8(0)
    .u8(ECAM_BUS_COUNT - 1)
    .zeros(4);
  return buildTable('MCFG', REVISION, body.finish());
}
