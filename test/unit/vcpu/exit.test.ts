import fc from 'fast-check';
import t from 'tap';
import { decodeStruct, encodeStruct, type StructInit } from '../../../src/base/struct.ts';
import { KVM_REGS, KVM_RUN_STATE, KVM_SREGS } from '../../../src/hypervisor/structs.ts';
import { formatVcpuFailure, type VcpuFailure } from '../../../src/vcpu/exit.ts';
import { decodeExit, exitName } from '../../../src/vcpu/exit-decode.ts';
import { holds } from '../../support/property.ts';

function run(init: StructInit<typeof KVM_RUN_STATE>): DataView {
  const view = new DataView(new ArrayBuffer(KVM_RUN_STATE.sizeBytes));
  encodeStruct(KVM_RUN_STATE, view, 0, init);
  return view;
}

function registers(
  regs: StructInit<typeof KVM_REGS>,
  sregs: StructInit<typeof KVM_SREGS>,
): Pick<VcpuFailure, 'regs' | 'sregs'> {
  const regsView = new DataView(new ArrayBuffer(KVM_REGS.sizeBytes));
  encodeStruct(KVM_REGS, regsView, 0, regs);
  const sregsView = new DataView(new ArrayBuffer(KVM_SREGS.sizeBytes));
  encodeStruct(KVM_SREGS, sregsView, 0, sregs);
  return { regs: decodeStruct(KVM_REGS, regsView), sregs: decodeStruct(KVM_SREGS, sregsView) };
}

t.test('decodeExit reads a port write', async (t) => {
  const view = run({
    exit_reason: 2,
    'io.direction': 1,
    'io.size': 2,
    'io.port': 0xcf8,
    'io.count': 3,
    'io.data_offset': 4096,
  });
  t.same(decodeExit(view), {
    kind: 'io',
    isOut: true,
    port: 0xcf8,
    sizeBytes: 2,
    count: 3,
    dataOffset: 4096,
  });
});

t.test(
  'decodeExit reads an MMIO access with its whole address and both halves of the data',
  async (t) => {
    const view = run({
      exit_reason: 6,
      'mmio.phys_addr': 0xf_ffff_ffff_fff8n,
      'mmio.len': 8,
      'mmio.is_write': 1,
      'mmio.data': [1, 2, 3, 4, 5, 6, 7, 0x88],
    });
    t.same(decodeExit(view), {
      kind: 'mmio',
      isWrite: true,
      address: 0xf_ffff_ffff_fff8,
      sizeBytes: 8,
      dataLow: 0x0403_0201,
      dataHigh: 0x8807_0605,
    });
  },
);

t.test(
  'decodeExit reads the instruction of an emulation failure only if it is flagged',
  async (t) => {
    const init = {
      exit_reason: 17,
      'emulation_failure.suberror': 1,
      'emulation_failure.ndata': 3,
      'emulation_failure.insn_size': 2,
      'emulation_failure.insn_bytes': [0x0f, 0xc7, 0x99],
    };
    t.match(decodeExit(run({ ...init, 'emulation_failure.flags': 1 })), {
      kind: 'internalError',
      suberror: 1,
      instruction: Uint8Array.of(0x0f, 0xc7),
    });
    t.notOk('instruction' in decodeExit(run({ ...init, 'emulation_failure.flags': 0 })));
  },
);

t.test('decodeExit takes no more data words and instruction bytes than there are', async (t) => {
  const exit = decodeExit(
    run({
      exit_reason: 17,
      'emulation_failure.suberror': 1,
      'emulation_failure.ndata': 0xffff_ffff,
      'emulation_failure.flags': 1,
      'emulation_failure.insn_size': 255,
    }),
  );
  t.equal(exit.kind === 'internalError' && exit.data.length, 16);
  t.equal(exit.kind === 'internalError' && exit.instruction?.length, 15);
});

t.test('decodeExit reads what hardware and guest events give', async (t) => {
  t.same(
    decodeExit(
      run({
        exit_reason: 9,
        'fail_entry.hardware_entry_failure_reason': 0x8000_0021,
        'fail_entry.cpu': 3,
      }),
    ),
    { kind: 'failEntry', hardwareReason: 0x8000_0021n, cpu: 3 },
  );
  t.same(decodeExit(run({ exit_reason: 24, 'system_event.type': 2, 'system_event.ndata': 0 })), {
    kind: 'systemEvent',
    event: 2,
    data: [],
  });
  t.same(decodeExit(run({ exit_reason: 4, 'debug.arch.exception': 1, 'debug.arch.pc': 7n })), {
    kind: 'debug',
    vector: 1,
    pc: 7n,
    dr6: 0n,
    dr7: 0n,
  });
  t.same(decodeExit(run({ exit_reason: 5 })), { kind: 'hlt' });
  t.same(decodeExit(run({ exit_reason: 8 })), { kind: 'shutdown' });
  t.same(decodeExit(run({ exit_reason: 999 })), { kind: 'other', reason: 999 });
});

t.test('decodeExit never throws, whatever the page holds', async (t) => {
  holds(
    t,
    fc.property(fc.nat(50), fc.uint8Array({ minLength: 64, maxLength: 300 }), (reason, noise) => {
      const view = run({});
      new Uint8Array(view.buffer).set(noise);
      view.setUint32(8, reason, true);
      return typeof decodeExit(view).kind === 'string';
    }),
  );
});

t.test('exitName names exits and numbers unknown ones', async (t) => {
  t.equal(exitName(17), 'KVM_EXIT_INTERNAL_ERROR');
  t.equal(exitName(77), 'KVM exit 77');
});

const RING0_LONG = {
  cr0: 0x8000_0001,
  efer: 0x500,
  cs: { selector: 0x10, l: 1 },
  ss: { dpl: 0 },
} as const;

function emulationFailure(overrides: Partial<VcpuFailure>): VcpuFailure {
  return {
    reason: 17,
    exit: {
      kind: 'internalError',
      suberror: 1,
      data: [1n, 0xffn],
      instruction: Uint8Array.of(0xcc),
    },
    ...registers({ rip: 0xffff_ffff_8100_0000n, rflags: 2, rax: 0xab }, RING0_LONG),
    code: Uint8Array.of(0xcc, 0xc3),
    emulatesRing0: true,
    ...overrides,
  };
}

t.test(
  'formatVcpuFailure says what failed, where, and what to do where ring 0 is emulated',
  async (t) => {
    const text = formatVcpuFailure(emulationFailure({}));
    t.match(
      text,
      /^the vCPU stopped with KVM_EXIT_INTERNAL_ERROR, suberror 1: KVM could not emulate/,
    );
    t.match(text, /at 64-bit mode, CPL 0, CS:RIP 0x0010:0xffffffff81000000, RFLAGS 0x2/);
    t.match(text, /instruction that KVM could not emulate: cc\n/);
    t.match(text, /bytes at RIP: cc c3\n/);
    t.match(text, /RAX 0xab RBX 0x0/);
    t.match(text, /data: 0x1 0xff/);
    t.match(text, /kvm_pvm\) emulates ring 0 .* Use a host with hardware virtualization/);
  },
);

t.test('formatVcpuFailure does not blame the host for a failure in ring 3', async (t) => {
  const ring3 = { ...RING0_LONG, ss: { dpl: 3 } };
  const text = formatVcpuFailure(emulationFailure(registers({}, ring3)));
  t.match(text, /CPL 3/);
  t.notMatch(text, /kvm_pvm/);
});

t.test('formatVcpuFailure does not name kvm_pvm where it is not loaded', async (t) => {
  const text = formatVcpuFailure(emulationFailure({ emulatesRing0: false }));
  t.notMatch(text, /kvm_pvm/);
  t.match(text, /See the host’s kernel log/);
});

t.test('formatVcpuFailure describes a refused entry from real mode', async (t) => {
  const text = formatVcpuFailure({
    reason: 9,
    exit: { kind: 'failEntry', hardwareReason: 0x8000_0021n, cpu: 1 },
    ...registers({ rip: 0xfff0 }, { cs: { selector: 0xf000 } }),
    code: new Uint8Array(),
    emulatesRing0: false,
  });
  t.match(text, /KVM_EXIT_FAIL_ENTRY.*hardware reason 0x80000021, host CPU 1/);
  t.match(text, /at real mode, CPL 0, CS:RIP 0xf000:0xfff0/);
  t.notMatch(text, /bytes at RIP/);
});
