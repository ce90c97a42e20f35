import t from 'tap';
import { DeviceProcess } from '../support/device-process.ts';
import { testVirtioDevice } from '../support/virtio-device-suite.ts';

testVirtioDevice(t, {
  name: 'rng process',
  create: () => new DeviceProcess({ kind: 'rng', options: {} }),
  drainedQueues: [0],
});

testVirtioDevice(t, {
  name: 'rng worker',
  create: () => new DeviceProcess({ kind: 'rng', options: {}, worker: true }),
  drainedQueues: [0],
});
