/** The entropy device as the rest of the machine sees it. */
import { VIRTIO_ID_RNG } from '../../virtio/constants.ts';
import { defineDevice } from '../device-module.ts';
import { OptionReader } from '../options.ts';

/** The entropy device has no options. */
export type RngOptions = Readonly<Record<string, never>>;

function parseOptions(value: unknown): RngOptions {
  new OptionReader('rng', value).finish();
  return {};
}

export const rngModule = defineDevice<RngOptions>({
  name: 'rng',
  virtioId: VIRTIO_ID_RNG,
  pciClass: 0x0880,
  profileName: 'rng',
  parseOptions,
  exampleOptions: () => ({}),
  // getrandom(2) needs no descriptor.
  openBackend: () => [],
  load: () => import('./device.ts'),
});
