import t from 'tap';
import { decodeProgram } from '../../../src/seccomp/bpf.ts';
import { compilePolicyText, emulate } from '../../../src/seccomp/compile.ts';
import { compileProgram } from '../../../src/seccomp/compiler.ts';
import { evaluatePolicy } from '../../../src/seccomp/policy.ts';
import { AUDIT_ARCH_X86_64 } from '../../../src/seccomp/target.ts';
import { verifyProgram } from '../../../src/seccomp/verifier.ts';

/** A policy whose program is far longer than a conditional jump reaches. */
function longPolicy(alternatives: number): string {
  const list = Array.from({ length: alternatives }, (_, index) => `arg1 == ${3 * index + 1}`);
  return `read: { ${list.join(' || ')}, arg0 == 1; return 7 }\nwrite: { ${list.join(' || ')}; trap, 1 }`;
}

t.test('layOut bridges distances that a conditional jump cannot reach', async (t) => {
  const { policy, program } = compilePolicyText(longPolicy(500), { arch: 'x86_64' });
  const plain = compileProgram(policy, 'linear');
  t.ok(decodeProgram(program).length > 500);
  t.ok(decodeProgram(plain).length > 1000);
  t.equal(verifyProgram(plain), null);
  const calls = [0, 1, 2].flatMap((nr) =>
    [0n, 1n, 2n, 748n, 1498n, 1499n, (1n << 32n) + 1n].map((value) => ({
      nr,
      arch: AUDIT_ARCH_X86_64,
      args: [1n, value],
    })),
  );
  for (const call of calls) {
    const meant = evaluatePolicy(policy, call).value;
    t.equal(emulate(program, call).value, meant);
    t.equal(emulate(plain, call).value, meant);
  }
});

t.test('compileProgram refuses a policy that the kernel would not take', async (t) => {
  const distinct = Array.from(
    { length: 2100 },
    (_, index) => `arg1 == ${3 * index} ; return ${index}`,
  );
  t.throws(() => compilePolicyText(`read: { ${distinct.join(', ')} }`, { arch: 'x86_64' }), {
    code: 'ERR_POLICY_TOO_LARGE',
    message: /instructions, the kernel takes 4096/,
  });
});

t.test('compileProgram falls back to the plain way where there are too many cases', async (t) => {
  // Every subset of 20 unrelated masks is a case of its own.
  const clauses = Array.from(
    { length: 10 },
    (_, index) => `arg0 & ${2 ** index} && arg1 & ${2 ** index} && arg2 & ${2 ** index}`,
  );
  const { policy, program } = compilePolicyText(`read: ${clauses.join(' || ')}`, {
    arch: 'x86_64',
  });
  t.equal(verifyProgram(program), null);
  for (const args of [
    [4n, 4n, 4n],
    [4n, 8n, 4n],
    [1023n, 1023n, 0n],
    [512n, 513n, 514n],
  ]) {
    const call = { nr: 0, arch: AUDIT_ARCH_X86_64, args };
    t.equal(emulate(program, call).value, evaluatePolicy(policy, call).value);
  }
});

t.test('compileProgram tests the upper half once for a whole chain of alternatives', async (t) => {
  const { program } = compilePolicyText('ioctl: arg1 == 1 || arg1 == 0x5401 || arg1 == 0xaa00', {
    arch: 'x86_64',
  });
  const ARG1_HIGH = 28;
  const loads = decodeProgram(program).filter(({ code, k }) => code === 0x20 && k === ARG1_HIGH);
  t.equal(loads.length, 1);
});

t.test(
  'compileProgram shares the argument checks of system calls that have the same rules',
  async (t) => {
    const one = compilePolicyText('mmap: arg2 in ~PROT_EXEC', { arch: 'x86_64' }).program;
    const two = compilePolicyText('{mmap, mprotect}: arg2 in ~PROT_EXEC', {
      arch: 'x86_64',
    }).program;
    t.ok(two.length <= one.length + 8, 'one more test of the number at most');
  },
);

t.test(
  'compileProgram keeps to the plain way where deciding word by word is much longer',
  async (t) => {
    // Unrelated conditions on many words: word by word, every combination is a way of its own.
    const clauses = [0, 1, 2, 3, 4, 5].map((arg) => `arg${arg} & 1 && arg${(arg + 1) % 6} == 5`);
    const { policy, program } = compilePolicyText(`read: ${clauses.join(' || ')}`, {
      arch: 'x86_64',
    });
    const plain = compileProgram(policy, 'linear');
    t.ok(
      program.length <= 1.25 * plain.length + 8 * 8,
      `${program.length / 8} and ${plain.length / 8}`,
    );
  },
);
