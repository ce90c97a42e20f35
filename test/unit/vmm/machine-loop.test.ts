import t from 'tap';
import type { BusDevice } from '../../../src/bus/bus-device.ts';
import {
  EXIT_FRAME_BYTES,
  EXIT_REPLY_BYTES,
  ExitKind,
  FRAME_ADDRESS_LOW,
  FRAME_KIND,
  FRAME_SIZE,
  FRAME_VALUE_HIGH,
  FRAME_VALUE_LOW,
  REPLY_VALUE_HIGH,
  REPLY_VALUE_LOW,
} from '../../../src/ipc/exit-frame.ts';
import { readAddress, writeAddress } from '../../../src/sys/io.ts';
import { allocateNative } from '../../../src/sys/mmap.ts';
import { createPipe } from '../../../src/sys/pipe.ts';
import { MachineLoop } from '../../../src/vmm/machine/loop.ts';

interface Access {
  readonly kind: number;
  readonly size: number;
  readonly address: number;
  readonly low?: number;
  readonly high?: number;
}

/** Remembers writes; reads as its offset. Stops the loop after each access. */
function recordingDevice(): BusDevice & { readonly writes: string[] } {
  const writes: string[] = [];
  return {
    name: 'recorder',
    writes,
    read: (offset) => offset,
    write: (offset, size, value) => {
      writes.push(`${offset}/${size}=${value.toString(16)}`);
    },
  };
}

/** Puts one frame through a loop; returns the two halves of the reply. */
function exchange(loop: MachineLoop, access: Access): readonly [number, number] {
  const request = createPipe();
  const reply = createPipe();
  const frame = allocateNative(EXIT_FRAME_BYTES);
  const answer = allocateNative(EXIT_REPLY_BYTES);
  loop.addVcpu(request.readEnd.raw, reply.writeEnd.raw);
  frame.view.setUint8(FRAME_KIND, access.kind);
  frame.view.setUint8(FRAME_SIZE, access.size);
  frame.view.setUint32(FRAME_ADDRESS_LOW, access.address, true);
  frame.view.setUint32(FRAME_VALUE_LOW, access.low ?? 0, true);
  frame.view.setUint32(FRAME_VALUE_HIGH, access.high ?? 0, true);
  writeAddress(request.writeEnd.raw, frame.address, EXIT_FRAME_BYTES);
  loop.epoll.wait(1000);
  readAddress(reply.readEnd.raw, answer.address, EXIT_REPLY_BYTES);
  loop.epoll.remove(request.readEnd.raw);
  return [
    answer.view.getUint32(REPLY_VALUE_LOW, true),
    answer.view.getUint32(REPLY_VALUE_HIGH, true),
  ];
}

t.test('MachineLoop answers reads from the bus of their kind', async (t) => {
  const loop = new MachineLoop();
  loop.pio.insert({ start: 0x10, sizeBytes: 16 }, recordingDevice());
  t.same(exchange(loop, { kind: ExitKind.PioRead, size: 1, address: 0x13 }), [3, 0]);
  t.same(exchange(loop, { kind: ExitKind.MmioRead, size: 4, address: 0x13 }), [0xffff_ffff, 0]);
  t.equal(loop.mmio.unhandledReads, 1);
});

t.test('MachineLoop splits an 8-byte read into two', async (t) => {
  const loop = new MachineLoop();
  loop.mmio.insert({ start: 0x1000, sizeBytes: 16 }, recordingDevice());
  t.same(exchange(loop, { kind: ExitKind.MmioRead, size: 8, address: 0x1008 }), [8, 12]);
});

t.test('MachineLoop carries an access of an odd size byte by byte', async (t) => {
  const loop = new MachineLoop();
  const device = recordingDevice();
  loop.mmio.insert({ start: 0x1000, sizeBytes: 16 }, device);
  exchange(loop, {
    kind: ExitKind.MmioWrite,
    size: 5,
    address: 0x1000,
    low: 0x0403_0201,
    high: 0x0605,
  });
  t.same(device.writes, ['0/1=1', '1/1=2', '2/1=3', '3/1=4', '4/1=5']);
  const [low] = exchange(loop, { kind: ExitKind.MmioRead, size: 3, address: 0x1001 });
  t.equal(low & 0xff_ffff, 0x03_0201);
});

t.test('MachineLoop forgets a vCPU whose pipe is closed', async (t) => {
  const loop = new MachineLoop();
  const request = createPipe();
  const reply = createPipe();
  loop.addVcpu(request.readEnd.raw, reply.writeEnd.raw);
  request.writeEnd.close();
  t.equal(loop.epoll.wait(1000), 1);
  t.equal(loop.epoll.wait(0), 0);
});

t.test(
  'MachineLoop carries out pending writes before the exit that comes after them',
  async (t) => {
    const loop = new MachineLoop();
    const device = recordingDevice();
    loop.pio.insert({ start: 0x10, sizeBytes: 16 }, device);
    const pending = [1, 2];
    loop.pendingWrites = {
      isActive: true,
      drain: () => {
        pending.splice(0).forEach((value) => {
          device.write(0, 1, value);
        });
      },
      tick: () => undefined,
    };
    exchange(loop, { kind: ExitKind.PioWrite, size: 1, address: 0x10, low: 3 });
    t.same(device.writes, ['0/1=1', '0/1=2', '0/1=3']);
  },
);

t.test(
  'MachineLoop.run ticks while writes are pending, then waits, and drains at its end',
  async (t) => {
    const loop = new MachineLoop();
    const events: string[] = [];
    loop.addOutput({
      needsFlush: false,
      flush: () => {
        events.push('flush');
      },
    });
    const wait = loop.epoll.wait.bind(loop.epoll);
    loop.epoll.wait = (timeoutMs) => {
      events.push(`wait ${timeoutMs}`);
      if (timeoutMs >= 0) {
        return wait(timeoutMs);
      }
      loop.stop();
      return 1;
    };
    let ticksLeft = 2;
    loop.pendingWrites = {
      get isActive() {
        return ticksLeft > 0;
      },
      drain: () => {
        events.push('drain');
      },
      tick: () => {
        ticksLeft--;
        events.push('tick');
      },
    };
    loop.run();
    const tick = ['wait 5', 'tick', 'flush'];
    t.strictSame(events, [...tick, ...tick, 'wait -1', 'drain', 'flush']);
  },
);
