import t from 'tap';
import { encodeStruct } from '../../../src/base/struct.ts';
import { COALESCED_RING_ENTRIES, CoalescedRing } from '../../../src/hypervisor/coalesced-ring.ts';
import { KVM_COALESCED_MMIO, KVM_COALESCED_MMIO_RING } from '../../../src/hypervisor/structs.ts';

const RING_AT = 2 * 4096;

/** A vCPU mapping with KVM's side of the ring. */
function ringWithProducer() {
  const mapping = new ArrayBuffer(3 * 4096);
  const view = new DataView(mapping);
  const setCursors = (first: number, last: number) => {
    encodeStruct(KVM_COALESCED_MMIO_RING, view, RING_AT, { first, last });
  };
  const write = (entry: number, port: number, value: number) => {
    const at = RING_AT + KVM_COALESCED_MMIO_RING.sizeBytes + entry * KVM_COALESCED_MMIO.sizeBytes;
    const data = [value % 256, value >>> 8, 0, 0, 0, 0, 0, 0];
    encodeStruct(KVM_COALESCED_MMIO, view, at, { phys_addr: port, len: 2, pio: 1, data });
  };
  return { ring: new CoalescedRing(mapping), view, setCursors, write };
}

function collect(ring: CoalescedRing): unknown[] {
  const seen: unknown[] = [];
  ring.drain((isPio, address, sizeBytes, low, high) => {
    seen.push([isPio, address, sizeBytes, low, high]);
  });
  return seen;
}

t.test('CoalescedRing.drain hands over nothing from an empty ring', async (t) => {
  t.same(collect(ringWithProducer().ring), []);
});

t.test('CoalescedRing.drain hands over writes in order, once, across the wrap', async (t) => {
  const { ring, setCursors, write } = ringWithProducer();
  const lastEntry = COALESCED_RING_ENTRIES - 1;
  setCursors(lastEntry, 1);
  write(lastEntry, 0xcf8, 0x1234);
  write(0, 0x70, 0x0b);
  t.same(collect(ring), [
    [true, 0xcf8, 2, 0x1234, 0],
    [true, 0x70, 2, 0x0b, 0],
  ]);
  t.same(collect(ring), []);
});

t.test('CoalescedRing.drain reads a 52-bit address whole', async (t) => {
  const { ring, view, setCursors } = ringWithProducer();
  encodeStruct(KVM_COALESCED_MMIO, view, RING_AT + 8, { phys_addr: 0xf_ffff_ffff_f000n, len: 4 });
  setCursors(0, 1);
  t.same(collect(ring), [[false, 0xf_ffff_ffff_f000, 4, 0, 0]]);
});

t.test('CoalescedRing.drain ends after one ring full whatever the cursors say', async (t) => {
  const { ring, setCursors } = ringWithProducer();
  setCursors(0, 0xffff_ffff);
  t.equal(collect(ring).length, COALESCED_RING_ENTRIES);
});
