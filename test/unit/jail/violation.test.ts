import fc from 'fast-check';
import t from 'tap';
import {
  decodeViolation,
  describeViolation,
  policyLineFor,
  SECCOMP_NOTIF_BYTES,
  type Violation,
} from '../../../src/jail/violation.ts';

const OPENAT: Violation = {
  id: 7n,
  tid: 4242,
  syscall: 257,
  arch: 0xc000_003e,
  instructionPointer: 0x7f00_0000_1234n,
  args: [0xffff_ff9cn, 0x7ffc_0000_0000n, 0n, 0n, 0n, 0n],
};

function encode(violation: Violation): Uint8Array {
  const bytes = new Uint8Array(SECCOMP_NOTIF_BYTES);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, violation.id, true);
  view.setUint32(8, violation.tid, true);
  view.setInt32(16, violation.syscall, true);
  view.setUint32(20, violation.arch, true);
  view.setBigUint64(24, violation.instructionPointer, true);
  violation.args.forEach((value, index) => {
    view.setBigUint64(32 + 8 * index, value, true);
  });
  return bytes;
}

t.test('decodeViolation reads every field, also from the middle of a buffer', async (t) => {
  const u64 = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
  const violation = fc.record(
    {
      id: u64,
      tid: fc.nat(),
      syscall: fc.integer(),
      arch: fc.nat(),
      instructionPointer: u64,
      args: fc.array(u64, { minLength: 6, maxLength: 6 }),
    },
    { noNullPrototype: true },
  );
  fc.assert(
    fc.property(violation, fc.nat(9), (expected, shift) => {
      const buffer = new Uint8Array(SECCOMP_NOTIF_BYTES + shift);
      buffer.set(encode(expected), shift);
      const actual = decodeViolation(buffer.subarray(shift));
      t.strictSame(actual, expected);
    }),
    { numRuns: 50 },
  );
});

t.test('decodeViolation refuses a short record', async (t) => {
  t.throws(() => decodeViolation(new Uint8Array(SECCOMP_NOTIF_BYTES - 1)), {
    code: 'ERR_SECCOMP_NOTIF',
    message: 'a seccomp notification has 80 bytes, not 79',
  });
});

t.test('policyLineFor names the argument that tells uses of a call apart', async (t) => {
  const args = [1n, 0x1277n, 4n, 0n, 0n, 0n];
  t.equal(policyLineFor('ioctl', { ...OPENAT, args }), 'ioctl: arg1 == 0x1277');
  t.equal(policyLineFor('mmap', { ...OPENAT, args }), 'mmap: arg2 == 0x4');
  t.equal(policyLineFor('fdatasync', { ...OPENAT, args }), 'fdatasync: 1');
});

t.test(
  'describeViolation names device, call, arguments and the line that is missing',
  async (t) => {
    const context = {
      device: 'block0',
      policy: 'block_device.policy',
      syscallName: (number: number) => (number === 257 ? 'openat' : undefined),
    };
    t.equal(
      describeViolation(OPENAT, context),
      'block0 tried openat(0xffffff9c, 0x7ffc00000000, 0x0, 0x0, 0x0, 0x0), which its seccomp policy does not allow; ' +
        'block_device.policy would have to say "openat: 1"',
    );
    t.match(
      describeViolation({ ...OPENAT, syscall: 9999 }, context),
      /^block0 tried syscall 9999\(.*; no policy line can allow it$/,
    );
  },
);
