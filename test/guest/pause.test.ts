/** Pausing and resuming a machine whose vCPU leaves the guest all the time. */
import { existsSync } from 'node:fs';
import t from 'tap';
import { Scope } from '../../src/base/scope.ts';
import { KVM_DEVICE_PATH } from '../../src/hypervisor/kvm.ts';
import { MIB } from '../../src/memory/layout.ts';
import { AsyncEpoll } from '../../src/sys/async-epoll.ts';
import { EndSignal } from '../../src/vmm/end-signal.ts';
import { loadGuest, setupVcpus } from '../../src/vmm/guest-setup.ts';
import { createHardware } from '../../src/vmm/hardware.ts';
import { MachineThreads } from '../../src/vmm/threads.ts';
import { smallGuestImage } from '../support/small-guest.ts';

const KVM_EXIT_IO = 2;
const skip = existsSync(KVM_DEVICE_PATH) ? false : `there is no ${KVM_DEVICE_PATH}`;

const pass = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

t.test('VcpuSet.pause stops a busy vCPU and resume lets it go on', { skip }, async (t) => {
  const scope = new Scope('test');
  const end = new EndSignal();
  const epoll = new AsyncEpoll();
  const config = {
    kernelPath: smallGuestImage(),
    params: ['exits count=100000000'],
    memoryBytes: 64 * MIB,
    vcpuCount: 1,
    devices: [],
    serial: [],
    sandbox: true,
  };
  const context = { config, scope, end, epoll };
  const threads = new MachineThreads(context);
  const { vcpus } = threads;
  const hardware = createHardware(context, vcpus);
  threads.build(context, hardware);
  setupVcpus(hardware.kvm, vcpus.fds, loadGuest(config, hardware.memory, hardware.highMmio));
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
  await scope.close();
  await epoll.close();
});
