import t from 'tap';
import { gsi } from '../../../src/base/brands.ts';
import { Channel } from '../../../src/ipc/channel.ts';
import { anything } from '../../../src/ipc/schema.ts';
import { Epoll } from '../../../src/sys/epoll.ts';
import { allocateNative } from '../../../src/sys/mmap.ts';
import { socketPair } from '../../../src/sys/socket.ts';
import { DeviceProxy } from '../../../src/vmm/machine/device-proxy.ts';

const VIRTIO_ID_RNG = 4;

/** A proxy whose device is this test. */
function makeProxy(): { device: Channel<unknown, unknown>; epoll: Epoll; lost: string[] } {
  const [ours, theirs] = socketPair();
  const epoll = new Epoll();
  const lost: string[] = [];
  new DeviceProxy({
    spec: {
      name: 'rng',
      virtioType: VIRTIO_ID_RNG,
      pciClass: 0,
      features: 1n << 32n,
      queueSizes: [256],
      config: new Uint8Array(0),
      channelFd: ours.take(),
      sharedPage: allocateNative(4096, 4096).address,
      requests: ['resetDone', 'needsReset', 'failed'],
    },
    epoll,
    irqBinder: {
      allocateGsi: () => gsi(24),
      setMsiRoute: () => undefined,
      bindIrqfd: () => undefined,
      unbindIrqfd: () => undefined,
    },
    ioeventBinder: { assign: () => undefined, deassign: () => undefined },
    onLost: (reason) => lost.push(reason),
  });
  return { device: new Channel(theirs, anything), epoll, lost };
}

t.test('DeviceProxy lives through messages that its device may send', async (t) => {
  const { device, epoll, lost } = makeProxy();
  device.send({ type: 'resetDone' });
  device.send({ type: 'needsReset', reason: 'because' });
  epoll.wait(1000);
  t.same(lost, []);
});

t.test('DeviceProxy drops a device that sends what its profile does not allow', async (t) => {
  const { device, epoll, lost } = makeProxy();
  device.send({ type: 'config', bytes: new Uint8Array(4) });
  epoll.wait(1000);
  t.same(lost, ['device rng sent "config", which its profile does not allow']);
});

t.test('DeviceProxy drops a device that breaks the protocol, once', async (t) => {
  const { device, epoll, lost } = makeProxy();
  device.send({ type: 'resetDone', surplus: 1 });
  device.send({ type: 'nonsense' });
  epoll.wait(1000);
  t.equal(lost.length, 1);
  t.match(lost[0], /broke the protocol.*unknown field "surplus"/);
  t.equal(epoll.wait(0), 0, 'nobody listens any more');
});

t.test('DeviceProxy shows nothing of a device that a terminal would obey', async (t) => {
  const { device, epoll, lost } = makeProxy();
  device.send({ type: 'failed', reason: '\u001b[2J\nrm' });
  epoll.wait(1000);
  t.same(lost, ['device rng failed: ?[2J?rm']);
});

t.test('DeviceProxy hears of the end of its device', async (t) => {
  const { device, epoll, lost } = makeProxy();
  device[Symbol.dispose]();
  epoll.wait(1000);
  t.same(lost, ['device rng closed its channel']);
});
