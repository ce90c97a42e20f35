/** Compiles a device's policy for installation. Loads the whole compiler: see `policies.ts` for the way around it. */
import { join } from 'node:path';
import { SECCOMP_RET_USER_NOTIF } from '../../seccomp/actions.ts';
import { type CompiledPolicy, compilePolicyFile } from '../../seccomp/compile.ts';
import { fileReader, type PolicyReader } from '../../seccomp/source.ts';
import { HOST_ARCH } from './policies.ts';

/**
 * Compiles with user notification for what the policy does not allow.
 *
 * @param reader of the policy and what it includes.
 * @throws PolicyError
 */
export function compileDevicePolicy(
  directory: string,
  file: string,
  reader: PolicyReader = fileReader,
): CompiledPolicy {
  const options = { arch: HOST_ARCH, defaultReturn: SECCOMP_RET_USER_NOTIF, reader };
  return compilePolicyFile(join(directory, file), options);
}
