import t from 'tap';
import { Epoll } from '../../../src/sys/epoll.ts';
import { setNonBlocking } from '../../../src/sys/fd.ts';
import { readAddress } from '../../../src/sys/io.ts';
import { allocateNative } from '../../../src/sys/mmap.ts';
import { createPipe, type Pipe } from '../../../src/sys/pipe.ts';
import { DescriptorOutput } from '../../../src/vmm/serial/output.ts';

const buffer = allocateNative(65_536);

function openOutput(): { pipe: Pipe; epoll: Epoll; output: DescriptorOutput } {
  const pipe = createPipe();
  setNonBlocking(pipe.writeEnd.raw, true);
  setNonBlocking(pipe.readEnd.raw, true);
  const epoll = new Epoll();
  return { pipe, epoll, output: new DescriptorOutput(pipe.writeEnd, epoll) };
}

function drain(pipe: Pipe): Uint8Array {
  const count = readAddress(pipe.readEnd.raw, buffer.address, 65_536);
  return buffer.bytes.slice(0, Math.max(0, count));
}

t.test('DescriptorOutput writes a line when it ends, and a rest when it is flushed', async (t) => {
  const { pipe, output } = openOutput();
  for (const byte of Buffer.from('ab\nc')) {
    output.write(byte);
  }
  t.equal(Buffer.from(drain(pipe)).toString(), 'ab\n');
  t.ok(output.needsFlush);
  output.flush();
  t.equal(Buffer.from(drain(pipe)).toString(), 'c');
  t.notOk(output.needsFlush);
});

t.test(
  'DescriptorOutput refuses bytes while its reader is stuck and loses none of those it took',
  async (t) => {
    const { pipe, epoll, output } = openOutput();
    let hasRoom = false;
    output.onRoom = () => {
      hasRoom = true;
    };
    let taken = 0;
    while (output.write(taken % 251)) {
      taken++;
    }
    t.ok(taken > 65_536, 'the pipe and the buffer are full');
    t.notOk(output.needsFlush, 'a stalled output is not tried again and again');
    const received: number[] = [];
    for (let rounds = 0; rounds < 100 && received.length < taken; rounds++) {
      received.push(...drain(pipe));
      epoll.wait(0);
    }
    t.equal(received.length, taken);
    t.ok(
      received.every((byte, index) => byte === index % 251),
      'in order',
    );
    t.ok(hasRoom, 'the port was told');
    t.ok(output.write(1));
  },
);

t.test('DescriptorOutput counts what is lost when its reader has gone', async (t) => {
  const { pipe, output } = openOutput();
  pipe.readEnd.close();
  t.ok(output.write(0x61));
  t.ok(output.write(0x0a), 'the guest is not held back');
  t.equal(output.lostBytes, 2);
  t.ok(output.write(0x62));
  t.equal(output.lostBytes, 3);
});
