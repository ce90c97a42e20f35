/** The list of all other tables. Spec: ACPI 6.5 §5.2.8. */
import { ByteWriter } from '../byte-writer.ts';
import { buildTable } from './sdt.ts';

const REVISION = 1;

/** @param tables guest-physical addresses. */
export function buildXsdt(tables: readonly number[]): Uint8Array {
  const body = new ByteWriter();
  for (const table of tables) {
    body.u64(table);
  }
  return buildTable('XSDT', REVISION, body.finish());
}
