import fc from 'fast-check';
import t from 'tap';
import { compileHostilePolicy, hostilePolicy } from '../../support/hostile-policies.ts';
import { holds } from '../../support/property.ts';

t.test('compilePolicyFile answers hostile files with a program or a PolicyError', async (t) => {
  holds(
    t,
    fc.property(hostilePolicy, (bytes) => {
      compileHostilePolicy(bytes);
    }),
  );
});

t.test(
  'compilePolicyFile survives long lines, deep parentheses and many alternatives',
  async (t) => {
    const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
    t.equal(
      compileHostilePolicy(bytes(`read: arg0 == ${'('.repeat(100_000)}`)),
      'ERR_POLICY_SYNTAX',
    );
    t.equal(compileHostilePolicy(bytes(`read: ${'{'.repeat(100_000)}`)), 'ERR_POLICY_SYNTAX');
    t.equal(compileHostilePolicy(bytes(`read: arg0 == 1${'|1'.repeat(20_000)}`)), 'compiled');
    t.equal(
      compileHostilePolicy(bytes(`read: arg0 == 1${' || arg0 == 1'.repeat(2000)}`)),
      'compiled',
    );
    t.equal(compileHostilePolicy(bytes('{ '.repeat(500_000))), 'ERR_POLICY_SYNTAX');
    t.equal(compileHostilePolicy(bytes('$'.repeat(100_000))), 'ERR_POLICY_SYNTAX');
    t.equal(compileHostilePolicy(bytes(`${'a \\\n'.repeat(5000)}: 1`)), 'ERR_POLICY_SYNTAX');
    t.equal(
      compileHostilePolicy(bytes(`read: arg0 == ${'9'.repeat(50_000)}`)),
      'ERR_POLICY_SYNTAX',
    );
  },
);
