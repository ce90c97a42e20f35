import t from 'tap';
import { CapabilityList } from '../../../src/pci/capability.ts';
import { ConfigSpace } from '../../../src/pci/config-space.ts';

t.test('CapabilityList links capabilities in the order of the calls', async (t) => {
  const config = new ConfigSpace();
  t.equal(config.read(0x06, 2) & 0x10, 0, 'no list at first');
  const list = new CapabilityList(config);
  list.add({ id: 9, body: new Uint8Array([16, 1, 2, 3, 4]) });
  list.add({ id: 17, body: new Uint8Array([1, 2]) });
  t.equal(config.read(0x06, 2) & 0x10, 0x10);
  const first = config.read(0x34, 1);
  t.equal(first, 0x40);
  t.equal(config.read(first, 1), 9);
  t.equal(config.read(first + 2, 1), 16);
  const second = config.read(first + 1, 1);
  t.equal(second, 0x48, 'the next multiple of four');
  t.equal(config.read(second, 1), 17);
  t.equal(config.read(second + 1, 1), 0, 'the end');
});

t.test('CapabilityList makes bytes writable as its masks say', async (t) => {
  const config = new ConfigSpace();
  const body = new Uint8Array([0x12, 0x34]);
  const offset = new CapabilityList(config).add({
    id: 9,
    body,
    writable: new Uint8Array([0, 0xf0]),
  });
  config.write(offset, 4, 0xffff_ffff);
  t.equal(config.read(offset, 4), 0xf412_0009);
});

t.test('CapabilityList refuses more than the first 256 bytes hold', async (t) => {
  const list = new CapabilityList(new ConfigSpace());
  t.throws(() => list.add({ id: 9, body: new Uint8Array(191) }), { code: 'ERR_ASSERT' });
});
