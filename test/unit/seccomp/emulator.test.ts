import t from 'tap';
import { decodeProgram, encodeProgram, type Instruction } from '../../../src/seccomp/bpf.ts';
import { emulate } from '../../../src/seccomp/emulator.ts';
import type { SeccompData } from '../../../src/seccomp/policy.ts';

const DATA: SeccompData = {
  nr: 0xffff_ffff,
  arch: 0xc000_003e,
  args: [0x1111_2222_3333_4444n, 0n, 0n, 0n, 0n, 0xffff_ffff_8000_0000n],
  ip: 0x7f00_0000_1000n,
};
const RET_A: Instruction = { code: 0x16, jt: 0, jf: 0, k: 0 };

/** Runs instructions given as [code, k] and returns the accumulator. */
function accumulator(...steps: readonly (readonly [code: number, k: number])[]): number {
  const body = steps.map(([code, k]) => ({ code, jt: 0, jf: 0, k }));
  return emulate(encodeProgram([...body, RET_A]), DATA).value;
}

t.test('emulate loads the words of seccomp_data in little-endian order', async (t) => {
  const words = [0, 4, 8, 12, 16, 20, 56, 60].map((offset) => accumulator([0x20, offset]));
  t.same(
    words,
    [0xffff_ffff, 0xc000_003e, 0x1000, 0x7f00, 0x3333_4444, 0x1111_2222, 0x8000_0000, 0xffff_ffff],
  );
});

t.test('emulate computes in 32 unsigned bits', async (t) => {
  const big = [0x00, 0xffff_fffe] as const;
  t.equal(accumulator(big, [0x04, 3]), 1, 'add');
  t.equal(accumulator([0x00, 1], [0x14, 2]), 0xffff_ffff, 'sub');
  t.equal(accumulator(big, [0x24, 3]), 0xffff_fffa, 'mul');
  t.equal(accumulator(big, [0x34, 2]), 0x7fff_ffff, 'div');
  t.equal(accumulator([0x00, 1], [0x44, 0x8000_0000]), 0x8000_0001, 'or');
  t.equal(accumulator(big, [0x54, 0xf000_000f]), 0xf000_000e, 'and');
  t.equal(accumulator(big, [0x64, 4]), 0xffff_ffe0, 'lsh');
  t.equal(accumulator(big, [0x74, 28]), 0xf, 'rsh');
  t.equal(accumulator([0x00, 1], [0x84, 0]), 0xffff_ffff, 'neg');
  t.equal(accumulator(big, [0xa4, 0xffff_ffff]), 1, 'xor');
});

t.test('emulate moves between A, X, scratch memory and the length', async (t) => {
  t.equal(accumulator([0x00, 5], [0x07, 0], [0x00, 0], [0x87, 0]), 5, 'tax, txa');
  t.equal(accumulator([0x00, 6], [0x02, 3], [0x00, 0], [0x60, 3]), 6, 'st, ld mem');
  t.equal(accumulator([0x01, 7], [0x03, 4], [0x60, 4]), 7, 'stx');
  t.equal(accumulator([0x80, 0]), 64, 'ld len');
  t.equal(accumulator([0x01, 3], [0x00, 4], [0x0c, 0]), 7, 'add x');
});

t.test('emulate ends a program that divides by a zero in X, with kill-thread', async (t) => {
  t.equal(accumulator([0x01, 0], [0x00, 4], [0x3c, 0], [0x00, 9]), 0);
});

t.test('emulate takes jumps by unsigned comparison and tells the way', async (t) => {
  const tests = [
    [0x15, 0xffff_ffff, true],
    [0x25, 0x7fff_ffff, true],
    [0x25, 0xffff_ffff, false],
    [0x35, 0xffff_ffff, true],
    [0x45, 0x8000_0000, true],
    [0x45, 0, false],
  ] as const;
  for (const [code, k, taken] of tests) {
    const program = encodeProgram([
      { code: 0x20, jt: 0, jf: 0, k: 0 },
      { code, jt: 1, jf: 0, k },
      { code: 0x06, jt: 0, jf: 0, k: 100 },
      { code: 0x06, jt: 0, jf: 0, k: 200 },
    ]);
    const run = emulate(program, DATA);
    t.equal(run.value, taken ? 200 : 100);
    t.same(run.path, [0, 1, taken ? 3 : 2]);
    t.equal(run.steps, 3);
  }
});

t.test('emulate throws on programs that do not verify, and never runs away', async (t) => {
  t.throws(() => emulate(encodeProgram([]), DATA), { code: 'ERR_BPF_EXECUTION' });
  const beyond = encodeProgram([{ code: 0x20, jt: 0, jf: 0, k: 64 }]);
  t.throws(() => emulate(beyond, DATA), { code: 'ERR_BPF_EXECUTION' });
});

t.test('decodeProgram is the inverse of encodeProgram', async (t) => {
  const instructions = [{ code: 0x1234, jt: 255, jf: 1, k: 0xdead_beef }, RET_A];
  const bytes = encodeProgram(instructions);
  t.same([...bytes.subarray(0, 8)], [0x34, 0x12, 255, 1, 0xef, 0xbe, 0xad, 0xde]);
  t.same(decodeProgram(bytes), instructions);
});
