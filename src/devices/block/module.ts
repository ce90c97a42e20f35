/** The disk as the rest of the machine sees it. */
import { VIRTIO_ID_BLOCK } from '../../virtio/constants.ts';
import { defineDevice } from '../device-module.ts';
import { openDisk } from './backend.ts';
import { type BlockOptions, parseBlockOptions } from './options.ts';

export const blockModule = defineDevice<BlockOptions>({
  name: 'block',
  virtioId: VIRTIO_ID_BLOCK,
  pciClass: 0x0180,
  profileName: 'block',
  parseOptions: parseBlockOptions,
  exampleOptions: (path) => parseBlockOptions({ path }),
  openBackend: (options) => [openDisk(options)],
  load: () => import('./device.ts'),
});
