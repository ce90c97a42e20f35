import t from 'tap';
import {
  EXIT_FRAME_BYTES,
  ExitKind,
  FRAME_ADDRESS_LOW,
  FRAME_KIND,
  FRAME_SIZE,
  FRAME_VALUE_LOW,
} from '../../../src/ipc/exit-frame.ts';
import { ExitPipe } from '../../../src/ipc/exit-pipe.ts';
import { readAddress, writeAddress } from '../../../src/sys/io.ts';
import { allocateNative } from '../../../src/sys/mmap.ts';
import { createPipe, type Pipe } from '../../../src/sys/pipe.ts';
import { VcpuControl, VcpuState } from '../../../src/vcpu/control-block.ts';
import { type RunnableVcpu, runVcpu } from '../../../src/vcpu/run-loop.ts';

const KVM_EXIT_IO = 2;
const KVM_EXIT_MMIO = 6;
const KVM_EXIT_SHUTDOWN = 8;
const INTERRUPTED = -1;

/** A vCPU that makes the given exits, one for each call of `run`. */
function scriptedVcpu(script: readonly ((view: DataView) => number)[]): RunnableVcpu {
  const runState = new DataView(new ArrayBuffer(8192));
  let next = 0;
  return {
    runState,
    run: () => script[next++]?.(runState) ?? KVM_EXIT_SHUTDOWN,
  };
}

function control(): VcpuControl {
  const made = new VcpuControl(VcpuControl.allocate(1), 0);
  made.setWanted(VcpuState.Run);
  return made;
}

/** Replies are put into the pipe before the vCPU runs: a pipe holds them, so one thread is enough. */
function queueReply(reply: Pipe, low: number): void {
  const buffer = allocateNative(16);
  buffer.view.setUint32(4, low, true);
  writeAddress(reply.writeEnd.raw, buffer.address, 16);
}

function readFrame(request: Pipe): DataView {
  const buffer = allocateNative(EXIT_FRAME_BYTES);
  readAddress(request.readEnd.raw, buffer.address, EXIT_FRAME_BYTES);
  return buffer.view;
}

function setup(): { request: Pipe; reply: Pipe; pipe: ExitPipe } {
  const request = createPipe();
  const reply = createPipe();
  return { request, reply, pipe: new ExitPipe(request.writeEnd.raw, reply.readEnd.raw, 0) };
}

t.test('runVcpu puts the value of a port read where KVM looks for it', async (t) => {
  const { request, reply, pipe } = setup();
  queueReply(reply, 0x5a);
  const vcpu = scriptedVcpu([
    (view) => {
      view.setUint8(32, 0);
      view.setUint8(33, 1);
      view.setUint16(34, 0x3fd, true);
      view.setUint32(36, 1, true);
      view.setUint32(40, 4096, true);
      return KVM_EXIT_IO;
    },
  ]);
  t.same(runVcpu(vcpu, pipe, control()), { kind: 'shutdown' });
  t.equal(vcpu.runState.getUint8(4096), 0x5a);
  const frame = readFrame(request);
  t.equal(frame.getUint8(FRAME_KIND), ExitKind.PioRead);
  t.equal(frame.getUint8(FRAME_SIZE), 1);
  t.equal(frame.getUint32(FRAME_ADDRESS_LOW, true), 0x3fd);
});

t.test('runVcpu answers the read of a published port without the machine thread', async (t) => {
  const { request, reply, pipe } = setup();
  const buffer = new SharedArrayBuffer(VcpuControl.allocate(1).byteLength);
  const state = new VcpuControl(buffer, 0);
  const read = (view: DataView, size: number) => {
    view.setUint8(32, 0);
    view.setUint8(33, size);
    view.setUint16(34, 0x3fd, true);
    view.setUint32(36, 1, true);
    view.setUint32(40, 4096, true);
    return KVM_EXIT_IO;
  };
  VcpuControl.publishedPorts(buffer).publish(0x3fd, 0x60);
  queueReply(reply, 0x1234);
  const seen: number[] = [];
  const vcpu = scriptedVcpu([
    (view) => read(view, 1),
    (view) => {
      seen.push(view.getUint8(4096));
      return read(view, 2);
    },
  ]);
  runVcpu(vcpu, pipe, state);
  t.same(seen, [0x60]);
  t.equal(readFrame(request).getUint8(FRAME_SIZE), 2, 'a wider read is asked for');
  t.equal(vcpu.runState.getUint16(4096, true), 0x1234);
});

t.test('runVcpu sends each element of a string output by itself', async (t) => {
  const { request, reply, pipe } = setup();
  const text = [0x61, 0x62, 0x63];
  text.forEach(() => {
    queueReply(reply, 0);
  });
  const vcpu = scriptedVcpu([
    (view) => {
      view.setUint8(32, 1);
      view.setUint8(33, 1);
      view.setUint16(34, 0x3f8, true);
      view.setUint32(36, text.length, true);
      view.setUint32(40, 4096, true);
      text.forEach((byte, index) => {
        view.setUint8(4096 + index, byte);
      });
      return KVM_EXIT_IO;
    },
  ]);
  runVcpu(vcpu, pipe, control());
  const sent = text.map(() => readFrame(request).getUint32(FRAME_VALUE_LOW, true));
  t.same(sent, text);
});

t.test('runVcpu answers an 8-byte memory read with both halves', async (t) => {
  const { reply, pipe } = setup();
  const buffer = allocateNative(16);
  buffer.view.setUint32(4, 0x1111_1111, true);
  buffer.view.setUint32(8, 0x2222_2222, true);
  writeAddress(reply.writeEnd.raw, buffer.address, 16);
  const vcpu = scriptedVcpu([
    (view) => {
      view.setUint32(32, 0xd000_0000, true);
      view.setUint32(48, 8, true);
      view.setUint8(52, 0);
      return KVM_EXIT_MMIO;
    },
  ]);
  runVcpu(vcpu, pipe, control());
  t.equal(vcpu.runState.getBigUint64(40, true), 0x2222_2222_1111_1111n);
});

t.test('runVcpu looks at the wanted state after a kick, with immediate_exit cleared', async (t) => {
  const { pipe } = setup();
  const state = control();
  const vcpu = scriptedVcpu([
    (view) => {
      view.setUint8(1, 1);
      state.setWanted(VcpuState.Stop);
      return INTERRUPTED;
    },
  ]);
  t.same(runVcpu(vcpu, pipe, state), { kind: 'stopped' });
  t.equal(vcpu.runState.getUint8(1), 0);
});

t.test('runVcpu ends when the machine thread is gone', async (t) => {
  const { request, pipe } = setup();
  request.readEnd.close();
  const vcpu = scriptedVcpu([
    (view) => {
      view.setUint8(32, 1);
      view.setUint8(33, 1);
      view.setUint32(36, 1, true);
      view.setUint32(40, 4096, true);
      return KVM_EXIT_IO;
    },
  ]);
  t.same(runVcpu(vcpu, pipe, control()), { kind: 'machineGone' });
});

t.test('runVcpu counts exits by reason', async (t) => {
  const { pipe } = setup();
  const state = control();
  runVcpu(scriptedVcpu([]), pipe, state);
  t.equal(state.exitCount(KVM_EXIT_SHUTDOWN), 1);
  t.equal(state.exitCount(KVM_EXIT_IO), 0);
});

t.test('VcpuControl: a vCPU that is to stop cannot be talked back into running', async (t) => {
  const state = control();
  state.setWanted(VcpuState.Stop);
  state.setWanted(VcpuState.Run);
  t.equal(state.wanted, VcpuState.Stop);
});

t.test(
  'VcpuControl.waitForState kicks until the worker is there, and gives up in time',
  async (t) => {
    const state = control();
    state.setThreadId(42);
    // Atomics.waitAsync does not keep the process alive; in a machine other things do.
    const keepAlive = setInterval(() => undefined, 1000);
    t.teardown(() => {
      clearInterval(keepAlive);
    });
    const kicked: number[] = [];
    t.equal(await state.waitForState(VcpuState.Pause, (tid) => kicked.push(tid), 500), false);
    t.ok(kicked.length >= 2 && kicked.every((tid) => tid === 42));
    setTimeout(() => {
      state.setPresent(VcpuState.Pause);
    }, 5);
    t.equal(await state.waitForState(VcpuState.Pause, () => undefined, 5000), true);
  },
);
