/** Seccomp programs of device policies, ready to be installed by a device process. */
import { type ArchName, targetFor } from '../../seccomp/target.ts';
import { POLICY_DIRECTORY } from '../project-files.ts';
import { PROGRAM_DIRECTORY, readStoredProgram } from './program-store.ts';

/** Architecture of this host; the only one that machines run on. */
export const HOST_ARCH: ArchName = 'x86_64';

/**
 * The program of a device's policy: a call that it does not allow is reported to the parent, which names it and kills
 * the device. Where no parent answers any more the call fails, and the device dies with its parent.
 *
 * The program that the build made of the policy is read where there is one; it is compiled where the policy was edited
 * since, or comes from a directory of the user's.
 *
 * @param file such as `block_device.policy`.
 * @param directory of the policies, if it is not the project's own.
 * @throws PolicyError
 */
export async function loadDeviceProgram(file: string, directory?: string): Promise<Uint8Array> {
  const stored =
    directory === undefined ? readStoredProgram(PROGRAM_DIRECTORY, POLICY_DIRECTORY, file) : null;
  if (stored !== null) {
    return stored;
  }
  const { compileDevicePolicy } = await import('./device-compiler.ts');
  return compileDevicePolicy(directory ?? POLICY_DIRECTORY, file).program;
}

/** Name of a system call of this host. */
export function syscallName(number: number): string | undefined {
  return targetFor(HOST_ARCH).syscallNames.get(number);
}
