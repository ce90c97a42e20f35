/**
 * The `setup_data` list, with the one node that we pass: a seed for the guest's random number generator.
 *
 * ```
 * offset  width   field of struct setup_data
 *      0      8   next: address of the next node, 0 at the end
 *      8      4   type
 *     12      4   len of the data that follows
 * ```
 *
 * Spec: Linux Documentation/arch/x86/boot.rst, "setup_data".
 */
import { SETUP_DATA } from '../memory/layout.ts';
import type { BootMemory } from './boot-memory.ts';
import { ByteWriter } from './byte-writer.ts';

const SETUP_RNG_SEED = 9;
/** Bytes of randomness that a guest is given at boot. */
export const RNG_SEED_BYTES = 256;

/**
 * Writes the list.
 *
 * @param rngSeed fresh random bytes: the kernel mixes them into its pool and erases them.
 * @returns the address of its first node.
 */
export function writeSetupData(memory: BootMemory, rngSeed: Uint8Array): number {
  const node = new ByteWriter().u64(0).u32(SETUP_RNG_SEED).u32(rngSeed.length).bytes(rngSeed);
  memory.write(SETUP_DATA, node.finish());
  return SETUP_DATA;
}
