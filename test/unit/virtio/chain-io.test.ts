import fc from 'fast-check';
import t from 'tap';
import {
  copyFromChain,
  copyToChain,
  IovecList,
  writeLastByte,
} from '../../../src/virtio/chain-io.ts';
import type { DescriptorChain } from '../../../src/virtio/descriptor-chain.ts';
import { BUFFERS, createQueueFixture } from '../../support/queue-fixture.ts';

/** A chain whose parts are cut into buffers of these lengths, one page each, readable bytes counting up from 0. */
function makeChain(readable: readonly number[], writable: readonly number[]) {
  const { ram, driver, queue } = createQueueFixture({ size: 16 });
  let next = 0;
  const buffers = [...readable, ...writable].map((length, index) => {
    const gpa = BUFFERS + index * 0x1000;
    if (index < readable.length) {
      ram.memory.write(
        gpa,
        Uint8Array.from({ length }, () => next++),
      );
    }
    return { gpa, length, writable: index >= readable.length };
  });
  driver.offer(buffers);
  const chain = queue.pop();
  if (chain === undefined) {
    throw new Error('the chain is malformed');
  }
  return { ram, chain, buffers };
}

/** The iovecs of a list, read back from memory, relative to the chain's buffers. */
function describeIovecs(list: IovecList, chain: DescriptorChain): readonly string[] {
  const found: string[] = [];
  let left = list.sizeBytes;
  while (list.count > 0) {
    const at = chain.hostAddresses.findIndex(
      (host, index) =>
        index < chain.count &&
        list.firstAddress >= host &&
        list.firstAddress < host + (chain.lengths[index] ?? 0),
    );
    found.push(`${at}+${list.firstAddress - (chain.hostAddresses[at] ?? 0)}:${list.firstBytes}`);
    left -= list.firstBytes;
    list.advance(list.firstBytes);
  }
  return left === 0 ? found : [...found, `${left} bytes left`];
}

t.test('copyFromChain gathers a header from several buffers', (t) => {
  const { chain } = makeChain([3, 1, 8], [4]);
  const header = new Uint8Array(6);
  t.equal(copyFromChain(chain, 2, header), 6);
  t.same([...header], [2, 3, 4, 5, 6, 7]);
  t.end();
});

t.test('copyFromChain stops at the end of the readable part', (t) => {
  const { chain } = makeChain([3, 2], [64]);
  t.equal(copyFromChain(chain, 1, new Uint8Array(16)), 4);
  t.equal(copyFromChain(chain, 5, new Uint8Array(16)), 0);
  t.equal(copyFromChain(chain, 0, new Uint8Array(16), 2), 2);
  t.end();
});

t.test('copyFromChain copies more than a header', (t) => {
  const { chain } = makeChain([200, 50], []);
  const data = new Uint8Array(250);
  t.equal(copyFromChain(chain, 0, data), 250);
  t.same(
    data,
    Uint8Array.from({ length: 250 }, (_, index) => index),
  );
  t.end();
});

t.test('copyToChain scatters into the writable part only', (t) => {
  const { chain, ram } = makeChain([4], [2, 3]);
  t.equal(copyToChain(chain, 1, new Uint8Array([9, 8, 7, 6, 5])), 4);
  t.same([...ram.memory.read(BUFFERS, 4)], [0, 1, 2, 3], 'the readable part is as it was');
  t.same([...ram.memory.read(BUFFERS + 0x1000, 3)], [0, 9, 0]);
  t.same([...ram.memory.read(BUFFERS + 0x2000, 4)], [8, 7, 6, 0]);
  t.end();
});

t.test('copyToChain copies more than a header', (t) => {
  const { chain, ram } = makeChain([], [100, 200]);
  const data = Uint8Array.from({ length: 300 }, (_, index) => index % 251);
  t.equal(copyToChain(chain, 0, data), 300);
  t.same(ram.memory.read(BUFFERS + 0x1000, 200), data.slice(100));
  t.end();
});

t.test('writeLastByte writes the last writable byte', (t) => {
  const { chain, ram } = makeChain([4], [8, 3]);
  writeLastByte(chain, 0xab);
  t.same([...ram.memory.read(BUFFERS + 0x2000, 4)], [0, 0, 0xab, 0]);
  t.end();
});

t.test('IovecList.setReadable covers a range of the readable part', (t) => {
  const { chain } = makeChain([16, 100, 50], [10]);
  const list = new IovecList(16);
  t.equal(list.setReadable(chain, 16, 120), 120);
  t.same(describeIovecs(list, chain), ['1+0:100', '2+0:20']);
  t.end();
});

t.test('IovecList.setWritable gives what there is', (t) => {
  const { chain } = makeChain([16], [10, 20]);
  const list = new IovecList(16);
  t.equal(list.setWritable(chain, 4, 1000), 26);
  t.same(describeIovecs(list, chain), ['1+4:6', '2+0:20']);
  t.equal(list.setWritable(chain, 30, 1000), 0);
  t.equal(list.count, 0);
  t.end();
});

t.test('IovecList.advance takes off any number of bytes', (t) => {
  const lengths = fc.array(fc.integer({ min: 1, max: 100 }), { minLength: 1, maxLength: 8 });
  const steps = fc.array(fc.integer({ min: 0, max: 150 }), { maxLength: 10 });
  fc.assert(
    fc.property(lengths, steps, (buffers, advances) => {
      const { chain } = makeChain([], buffers);
      const list = new IovecList(16);
      const total = list.setWritable(chain, 0, 10_000);
      let done = 0;
      for (const step of advances) {
        list.advance(step);
        done = Math.min(total, done + step);
      }
      const expected = new IovecList(16);
      expected.setWritable(chain, done, 10_000);
      return describeIovecs(list, chain).join() === describeIovecs(expected, chain).join();
    }),
    { numRuns: 100 },
  );
  t.pass('held for 100 lists');
  t.end();
});

t.test('IovecList.address moves on to the first iovec that is not done', (t) => {
  const { chain } = makeChain([], [10, 20]);
  const list = new IovecList(2);
  list.setWritable(chain, 0, 30);
  const start = list.address;
  list.advance(10);
  t.equal(list.address, start + 16);
  t.equal(list.count, 1);
  t.end();
});
