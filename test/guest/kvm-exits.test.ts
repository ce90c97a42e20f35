import t from 'tap';
import { describeVcpuFailure, hostEmulatesRing0 } from '../../src/vcpu/exit.ts';
import type { VcpuExit } from '../../src/vcpu/exit-decode.ts';
import {
  CODE_START,
  createTinyMachine,
  kvmUnavailable,
  runToExit,
} from '../support/tiny-machine.ts';

const skip = kvmUnavailable() ?? false;

/** Data of a one-byte port write. */
function portByte(exit: VcpuExit, view: DataView): number | undefined {
  return exit.kind === 'io' && exit.isOut ? view.getUint8(exit.dataOffset) : undefined;
}

for (const mode of ['linux64', 'pvh32'] as const) {
  t.test(`setupVcpu starts a ${mode} guest that reaches ports and MMIO`, { skip }, async (t) => {
    // mov eax, 0x42; out 0x10, al; mov ebx, 0xd0000000; mov [ebx], eax
    const code = [0xb8, 0x42, 0, 0, 0, 0xe6, 0x10, 0xbb, 0, 0, 0, 0xd0, 0x89, 0x03];
    const { vcpus, vm } = createTinyMachine(code, { mode });
    const [vcpu] = vcpus;
    if (vcpu === undefined) {
      throw new Error('no vCPU');
    }
    const port = runToExit(vcpu);
    t.match(port, { kind: 'io', isOut: true, port: 0x10, sizeBytes: 1, count: 1 });
    t.equal(portByte(port, vcpu.runState), 0x42);
    t.match(runToExit(vcpu), {
      kind: 'mmio',
      isWrite: true,
      address: 0xd000_0000,
      sizeBytes: 4,
      dataLow: 0x42,
    });
    vm[Symbol.dispose]();
  });
}

t.test('the answer to a port read reaches the guest', { skip }, async (t) => {
  // in al, 0x80; out 0x10, al
  const { vcpus } = createTinyMachine([0xe4, 0x80, 0xe6, 0x10]);
  for (const vcpu of vcpus) {
    const exit = runToExit(vcpu);
    t.match(exit, { kind: 'io', isOut: false, port: 0x80 });
    vcpu.runState.setUint8(exit.kind === 'io' ? exit.dataOffset : 0, 0x5a);
    t.equal(portByte(runToExit(vcpu), vcpu.runState), 0x5a);
  }
});

t.test('VcpuFd.run returns at once while immediate_exit is set', { skip }, async (t) => {
  // jmp to itself: without immediate_exit this would never return.
  const { vcpus } = createTinyMachine([0xeb, 0xfe]);
  for (const vcpu of vcpus) {
    vcpu.setImmediateExit(true);
    t.equal(vcpu.run(), -1);
    t.equal(vcpu.getRegs().rip, BigInt(CODE_START));
  }
});

t.test(
  'describeVcpuFailure shows the instruction that a ring-0 emulating KVM cannot do',
  { skip: skip || (hostEmulatesRing0() ? false : 'this host runs ring 0 natively') },
  async (t) => {
    // int3
    const { vcpus, memory } = createTinyMachine([0xcc, 0xf4]);
    for (const vcpu of vcpus) {
      t.match(runToExit(vcpu), { kind: 'internalError', suberror: 1 });
      const report = describeVcpuFailure(vcpu, memory);
      t.match(report, /KVM_EXIT_INTERNAL_ERROR, suberror 1: KVM could not emulate/);
      t.match(report, /at 64-bit mode, CPL 0, CS:RIP 0x0010:0x100000,/);
      t.match(report, /bytes at RIP: cc f4 00/);
      t.match(report, /module kvm_pvm\) emulates ring 0/);
    }
  },
);
