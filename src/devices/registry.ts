/** The one list of device kinds. A new kind adds its line here and nothing anywhere else. */
import { ConfigError } from '../base/errors.ts';
import type { DeviceModule } from './device-module.ts';

/** Loads the module of each kind; a device process loads its own and no other. */
const loaders: Readonly<Record<string, () => Promise<DeviceModule>>> = {
  block: async () => (await import('./block/module.ts')).blockModule,
  rng: async () => (await import('./rng/module.ts')).rngModule,
};

/** The kinds that there are. */
export const DEVICE_KINDS: readonly string[] = Object.keys(loaders);

/**
 * Loads the module of a kind.
 *
 * @throws ERR_DEVICE_KIND
 */
export async function loadDeviceModule(kind: string): Promise<DeviceModule> {
  const load = Object.hasOwn(loaders, kind) ? loaders[kind] : undefined;
  if (load === undefined) {
    throw new ConfigError(
      'ERR_DEVICE_KIND',
      `there is no device kind "${kind}"; there are: ${DEVICE_KINDS.join(', ')}`,
    );
  }
  return await load();
}
