/** Pausing and resuming a machine whose vCPU leaves the guest all the time. */
import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { Scope } from '../../src/base/scope.ts';
import { KVM_DEVICE_PATH } from '../../src/hypervisor/kvm.ts';
import { MIB } from '../../src/memory/layout.ts';
import { AsyncEpoll } from '../../src/sys/async-epoll.ts';
import type { SerialConfig, VmConfig } from '../../src/vmm/config.ts';
import { EndSignal } from '../../src/vmm/end-signal.ts';
import { loadGuest, setupVcpus } from '../../src/vmm/guest-setup.ts';
import { createHardware } from '../../src/vmm/hardware.ts';
import { MachineThreads } from '../../src/vmm/threads.ts';
import { smallGuestImage } from '../support/small-guest.ts';
import { firstDifference } from './firmware/printed-text.ts';

const KVM_EXIT_IO = 2;
const skip = existsSync(KVM_DEVICE_PATH) ? false : `there is no ${KVM_DEVICE_PATH}`;

const pass = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** What differs between the machines. */
type Variant = Pick<VmConfig, 'params' | 'serial'>;

/** A machine whose guest is loaded and waits to be resumed. */
function startMachine(variant: Variant) {
  const scope = new Scope('test');
  const end = new EndSignal();
  const epoll = new AsyncEpoll();
  const config: VmConfig = {
    kernelPath: smallGuestImage(),
    memoryBytes: 64 * MIB,
    vcpuCount: 1,
    devices: [],
    sandbox: true,
    ...variant,
  };
  const context = { config, scope, end, epoll };
  const threads = new MachineThreads(context);
  const { vcpus } = threads;
  const hardware = createHardware(context, vcpus);
  threads.build(context, hardware);
  setupVcpus(hardware.kvm, vcpus.fds, loadGuest(config, hardware.memory, hardware.highMmio));
  const close = async () => {
    await scope.close();
    await epoll.close();
  };
  return { vcpus, end, close };
}

function serialToFile(path: string): SerialConfig {
  const output = { type: 'file', path } as const;
  return { hardware: 'serial', num: 1, output, stdin: false, console: true, debugconPort: 0x402 };
}

t.test('VcpuSet.pause stops a busy vCPU and resume lets it go on', { skip }, async (t) => {
  const { vcpus, end, close } = startMachine({
    params: ['exits count=100000000'],
    serial: [],
  });
  const exits = () => vcpus.exitCount(KVM_EXIT_IO);
  vcpus.resume();
  await pass(500);
  for (let round = 0; round < 20; round++) {
    await vcpus.pause();
    const paused = exits();
    await pass(20);
    t.equal(exits(), paused, 'a paused vCPU makes no exits');
    vcpus.resume();
    await pass(30);
    t.ok(exits() > paused, 'a resumed one goes on');
  }
  t.equal(end.value, undefined, 'and nothing has ended the machine');
  await close();
});

t.test('a machine that is paused while it prints loses no byte', { skip }, async (t) => {
  const path = join(t.testdir(), 'console');
  const bytes = 128 * 1024;
  const machine = startMachine({
    params: [`print style=burst bytes=${bytes}`],
    serial: [serialToFile(path)],
  });
  let isEnded = false;
  void machine.end.raised.then(() => {
    isEnded = true;
  });
  machine.vcpus.resume();
  let grownWhilePaused = 0;
  while (!isEnded) {
    await machine.vcpus.pause();
    await pass(50);
    const settled = statSync(path).size;
    await pass(20);
    grownWhilePaused += statSync(path).size - settled;
    machine.vcpus.resume();
    await pass(30);
  }
  await machine.close();
  t.equal(machine.end.value?.kind, 'reset');
  t.equal(firstDifference(readFileSync(path), bytes), -1);
  t.equal(grownWhilePaused, 0, 'what had been printed was there soon');
});
