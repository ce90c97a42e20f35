import t from 'tap';
import { PUBLISHED_PORTS_BYTES, PublishedPorts } from '../../../src/ipc/published-ports.ts';

const COM1_LSR = 0x3fd;
const COM4_LSR = 0x2ed;

t.test('PublishedPorts.read gives what was published last, zero included', async (t) => {
  const buffer = new SharedArrayBuffer(64 + PUBLISHED_PORTS_BYTES);
  const machine = new PublishedPorts(buffer, 64);
  const vcpu = new PublishedPorts(buffer, 64);
  t.equal(vcpu.read(COM1_LSR), -1, 'nothing was published yet');
  machine.publish(COM1_LSR, 0x60);
  machine.publish(COM4_LSR, 0);
  t.equal(vcpu.read(COM1_LSR), 0x60);
  t.equal(vcpu.read(COM4_LSR), 0);
  machine.publish(COM1_LSR, -1);
  t.equal(vcpu.read(COM1_LSR), -1);
});

t.test('PublishedPorts.read knows no port outside of its range', async (t) => {
  const vcpu = new PublishedPorts(new SharedArrayBuffer(PUBLISHED_PORTS_BYTES), 0);
  t.same(
    [0, 0x2e7, 0x400, 0xffff].map((port) => vcpu.read(port)),
    [-1, -1, -1, -1],
  );
});
