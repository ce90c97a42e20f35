import { join } from 'node:path';
import t from 'tap';
import { withoutBitmap } from '../../../bench/seccomp-support/call-cost.ts';
import { projectRoot } from '../../../src/artifacts/sources.ts';
import { decodeProgram } from '../../../src/seccomp/bpf.ts';
import { compileProgram } from '../../../src/seccomp/compiler.ts';
import { emulate } from '../../../src/seccomp/emulator.ts';
import { loadPolicy } from '../../../src/seccomp/load.ts';
import { verifyProgram } from '../../../src/seccomp/verifier.ts';

const POLICIES = join(projectRoot(import.meta.dirname), 'seccomp/x86_64');
/** Numbers that no table names, beyond the last. */
const NUMBERS = 512;

t.test(
  'withoutBitmap decides every number as the program itself does, one instruction later',
  (t) => {
    const options = { arch: 'x86_64', includeDirs: [POLICIES], defaultAction: 'trap' } as const;
    const { policy } = loadPolicy(join(POLICIES, 'block_device.policy'), options);
    const program = compileProgram(policy);
    const longer = withoutBitmap(program);
    t.equal(verifyProgram(longer), null, 'the kernel takes it');
    const [plain, unmapped] = [decodeProgram(program), decodeProgram(longer)];
    const arch = policy.target.auditArch;
    const different = Array.from({ length: NUMBERS }, (_, nr) => nr).filter((nr) => {
      const call = { nr, arch, args: [1n, 2n, 3n] };
      const [one, other] = [emulate(plain, call), emulate(unmapped, call)];
      return one.value !== other.value || other.steps !== one.steps + 1;
    });
    t.same(different, []);
    t.end();
  },
);
