import t from 'tap';
import { compilePolicyFile, compilePolicyText, PolicyError } from '../../../src/seccomp/compile.ts';
import { formatDiagnostic, type PolicyDiagnostic } from '../../../src/seccomp/diagnostics.ts';
import { type LoadOptions, loadPolicy } from '../../../src/seccomp/load.ts';
import { evaluatePolicy } from '../../../src/seccomp/policy.ts';
import { memoryReader } from '../../../src/seccomp/source.ts';
import { AUDIT_ARCH_X86_64 } from '../../../src/seccomp/target.ts';
import { MALFORMED_POLICIES } from './malformed-policies.ts';

type Files = Readonly<Record<string, string | Uint8Array>>;

function errorsOf(files: Files, options: Partial<LoadOptions> = {}): readonly PolicyDiagnostic[] {
  const reader = memoryReader(new Map(Object.entries(files)));
  try {
    loadPolicy('/main.policy', { arch: 'x86_64', reader, ...options });
    return [];
  } catch (error) {
    if (error instanceof PolicyError) {
      return error.diagnostics;
    }
    throw error;
  }
}

/** `FILE(LINE:COLUMN): MESSAGE` of each error. */
function headlines(files: Files, options: Partial<LoadOptions> = {}): readonly string[] {
  return errorsOf(files, options).map((error) => formatDiagnostic(error).split('\n')[0] ?? '');
}

function verdict(
  files: Files,
  nr: number,
  args: readonly bigint[],
  options: Partial<LoadOptions> = {},
): number {
  const reader = memoryReader(new Map(Object.entries(files)));
  const { policy } = loadPolicy('/main.policy', { arch: 'x86_64', reader, ...options });
  return evaluatePolicy(policy, { nr, arch: AUDIT_ARCH_X86_64, args }).value;
}

const READ = 0;
const WRITE = 1;
const ALLOW = 0x7fff_0000;
const TRAP = 0x0003_0000;

t.test('loadPolicy reports the first error of a malformed policy in its place', async (t) => {
  const wrong = MALFORMED_POLICIES.map(([text, place, message]) => {
    const [found = 'no error'] = headlines({ '/main.policy': text });
    return { text, found, wanted: `/main.policy(${place}): ${message}` };
  }).filter(({ found, wanted }) => found !== wanted);
  t.same(wrong, []);
});

t.test('loadPolicy says what it expected wherever it refuses a policy', async (t) => {
  const silent = MALFORMED_POLICIES.filter(([text]) =>
    errorsOf({ '/main.policy': text }).some(({ expected }) => expected === ''),
  );
  t.same(silent, []);
});

t.test('loadPolicy reports every error of every file, in the order of reading', async (t) => {
  const files = {
    '/main.policy': 'read: foo\n@include ./other.policy\nwrite: 1 1\nnosuch: 1\n',
    '/other.policy': 'close: arg9 == 1\nopen 1\n',
  };
  t.same(headlines(files), [
    '/main.policy(1:7): invalid action',
    '/other.policy(1:8): invalid argument',
    '/other.policy(2:6): invalid colon',
    '/main.policy(3:10): extra tokens',
    '/main.policy(4:1): nonexistent syscall',
  ]);
});

t.test(
  'loadPolicy reports every second unconditional rule, and none of them before syntax errors',
  async (t) => {
    const repeated = 'read: 1\nread: 1\nwrite: 1\nwrite: 1\n';
    t.same(headlines({ '/main.policy': repeated }), [
      '/main.policy(2:5): Syscall read (number 0) already had an unconditional action applied',
      '/main.policy(4:6): Syscall write (number 1) already had an unconditional action applied',
    ]);
    t.same(headlines({ '/main.policy': `${repeated}foo: 1` }), [
      '/main.policy(5:1): nonexistent syscall',
    ]);
  },
);

t.test(
  'PolicyError shows file, line, column, the source line, a caret and what was expected',
  async (t) => {
    const [error] = errorsOf({ '/main.policy': '\tread: arg0 = 1' });
    t.equal(
      error === undefined ? '' : formatDiagnostic(error),
      [
        '/main.policy(1:13): invalid operator',
        '    \tread: arg0 = 1',
        '    \t           ^',
        '    expected: one of == != < <= > >= & in',
      ].join('\n'),
    );
  },
);

t.test('loadPolicy names the earlier place of a colliding unconditional rule', async (t) => {
  const [error] = errorsOf({
    '/main.policy': '@include ./a.policy\nread: 1',
    '/a.policy': '#\nread: 1',
  });
  t.same([error?.previous?.file, error?.previous?.line], ['/a.policy', 2]);
});

t.test('loadPolicy refuses bytes that are not UTF-8, even within a comment', async (t) => {
  const bytes = new TextEncoder().encode('read: 1\n# \u00e9');
  t.same(headlines({ '/main.policy': bytes.subarray(0, bytes.length - 1) }), [
    '/main.policy(2:3): invalid UTF-8',
  ]);
  t.same(headlines({ '/main.policy': Uint8Array.of(0x23, 0x0a, 0xff, 0x0a) }), [
    '/main.policy(2:1): invalid UTF-8',
  ]);
});

t.test('loadPolicy resolves includes relative to the including file', async (t) => {
  const files = {
    '/main.policy': '@include ./sub/a.policy\n',
    '/sub/a.policy': '@include ./b.policy\n@include ./../c.policy',
    '/sub/b.policy': 'read: 1',
    '/c.policy': 'write: 1',
  };
  t.equal(verdict(files, READ, []), ALLOW);
  t.equal(verdict(files, WRITE, []), ALLOW);
});

t.test('loadPolicy looks for installed policies in includeDirs', async (t) => {
  const files = {
    '/main.policy': '@include /usr/share/policy/crosvm/common.policy',
    '/here/common.policy': 'read: 1',
  };
  t.equal(verdict(files, READ, [], { includeDirs: ['/nowhere', '/here'] }), ALLOW);
  t.same(headlines(files), [
    '/main.policy(1:10): Could not @include /usr/share/policy/crosvm/common.policy',
  ]);
});

t.test('loadPolicy allows eight nested files and refuses the ninth', async (t) => {
  const chain = (length: number): Files =>
    Object.fromEntries(
      Array.from({ length: length + 1 }, (_, index) => [
        index === 0 ? '/main.policy' : `/${index}.policy`,
        index === length ? 'read: 1' : `@include ./${index + 1}.policy`,
      ]),
    );
  t.same(headlines(chain(8)), []);
  t.same(headlines(chain(9)), ['/8.policy(1:20): @include statement nested too deep']);
});

t.test(
  'loadPolicy ends an inclusion of oneself, and one that doubles at every level',
  async (t) => {
    const own = headlines({ '/main.policy': '@include ./main.policy' });
    t.same(own, ['/main.policy(1:23): @include statement nested too deep']);
    const line = '@include ./main.policy\n';
    const many = headlines({ '/main.policy': line.repeat(6) });
    t.ok(many.some((text) => text.includes('too many files included')));
  },
);

t.test('loadPolicy checks the depth before the existence of a file', async (t) => {
  const nested = Object.fromEntries(
    Array.from({ length: 8 }, (_, index) => [
      `/${index + 1}.policy`,
      `@include ./${index + 2}.policy`,
    ]),
  );
  const files = { ...nested, '/main.policy': '@include ./1.policy' };
  t.same(headlines(files), ['/8.policy(1:20): @include statement nested too deep']);
});

t.test(
  'loadPolicy refuses what follows an include path, after the errors of the file',
  async (t) => {
    const files = { '/main.policy': '@include ./a.policy x', '/a.policy': 'foo: 1' };
    t.same(headlines(files), [
      '/a.policy(1:1): nonexistent syscall',
      '/main.policy(1:21): extra tokens',
    ]);
  },
);

t.test('loadPolicy reads frequencies, which never change a verdict', async (t) => {
  const frequency = '# calls\nread: 10 # often\nwrite[arch=arm64]: 3\nread: 0x10\n{';
  const files = { '/main.policy': '@frequency ./f\nread: 1', '/f': frequency.replace('\n{', '') };
  const reader = memoryReader(new Map(Object.entries(files)));
  const { policy } = loadPolicy('/main.policy', { arch: 'x86_64', reader });
  t.equal(policy.syscalls[0]?.frequency, 26);
  t.same(headlines({ ...files, '/f': frequency }), ['/f(5:1): invalid syscall descriptor']);
});

t.test('loadPolicy reports malformed frequency files', async (t) => {
  const cases = [
    ['read', '1:5', 'missing colon'],
    ['read 1', '1:6', 'invalid colon'],
    ['read:', '1:6', 'missing number'],
    ['read: x', '1:7', 'invalid number'],
    ['read: -1', '1:7', 'invalid number'],
    ['nosuch: 1', '1:1', 'nonexistent syscall'],
    ['read: $', '1:7', 'invalid token'],
  ] as const;
  for (const [text, place, message] of cases) {
    const found = headlines({ '/main.policy': '@frequency ./f', '/f': text });
    t.same(found, [`/f(${place}): ${message}`], text);
  }
});

t.test('loadPolicy lets the last @default win, and options over it', async (t) => {
  const files = {
    '/main.policy': '@default kill-process\n@include ./a\n',
    '/a': 'read: 1\n@default trap\n',
  };
  t.equal(verdict(files, WRITE, []), TRAP);
  t.equal(verdict(files, WRITE, [], { defaultAction: 'log' }), 0x7ffc_0000);
  t.equal(
    verdict(files, WRITE, [], { defaultAction: 'log', defaultReturn: 0x7fc0_0000 }),
    0x7fc0_0000,
  );
  t.equal(verdict({ '/main.policy': 'read: 1' }, WRITE, []), 0, 'kill-thread without any');
});

t.test('loadPolicy refuses an unknown default action', async (t) => {
  t.same(headlines({ '/main.policy': '' }, { defaultAction: 'return' }), [
    '--default-action(1:1): invalid action',
  ]);
});

t.test('loadPolicy gives kill the meaning that was asked for', async (t) => {
  const files = { '/main.policy': 'read: kill\nclose: kill-thread\nopen: return 5' };
  t.equal(verdict(files, READ, []), 0);
  t.equal(verdict(files, READ, [], { useKillProcess: true }), 0x8000_0000);
  t.equal(verdict(files, 3, [], { useKillProcess: true }), 0);
  t.equal(verdict(files, READ, [], { useRetLog: true }), 0x7ffc_0000);
  t.equal(verdict(files, 2, [], { useRetLog: true }), 0x7ffc_0000, 'return logs');
  t.equal(verdict(files, WRITE, [], { useRetLog: true }), 0x7ffc_0000, 'no @default logs');
});

t.test('loadPolicy compiles denylists only when asked to', async (t) => {
  const files = { '/main.policy': '@denylist\nread: arg0 == 1; return EPERM\nwrite: arg0 == 1\n' };
  t.equal(verdict(files, READ, [1n], { denylist: true }), 0x0005_0001);
  t.equal(verdict(files, READ, [2n], { denylist: true }), ALLOW);
  t.equal(verdict(files, 5, [], { denylist: true }), ALLOW);
  t.same(headlines({ '/main.policy': 'read: return 1\nwrite: 1' }, { denylist: true }), [
    '/main.policy(2:8): invalid denylist policy',
    '/main.policy(2:9): policy must contain @denylist flag to be compiled with --denylist flag.',
  ]);
});

t.test('loadPolicy lets @default of a denylist touch only named calls', async (t) => {
  const files = { '/main.policy': '@denylist\n@default trap\nread: arg0 == 1; return 1' };
  t.equal(verdict(files, READ, [0n], { denylist: true }), TRAP);
  t.equal(verdict(files, WRITE, [0n], { denylist: true }), ALLOW);
});

t.test('compilePolicyFile reports a file that cannot be read', async (t) => {
  t.throws(() => compilePolicyFile('/nonexistent/x.policy', { arch: 'x86_64' }), {
    code: 'ERR_POLICY_UNREADABLE',
  });
});

t.test(
  'compilePolicyText keeps the comment beside a rule, or else that of its paragraph',
  async (t) => {
    const text = [
      '# licence',
      '',
      '# first',
      '# and more',
      'read: 1',
      'write: arg0 == 1 || \\',
      '  arg0 == 2 # beside',
      'close: 1',
      '# second',
      'open: 1',
      '',
      'mmap: 1',
    ];
    const { rules } = compilePolicyText(text.join('\n'), { arch: 'x86_64' });
    t.same(
      rules.map(({ syscall, line, comment }) => [syscall, line, comment]),
      [
        ['read', 5, 'first and more'],
        ['write', 6, 'beside'],
        ['close', 8, 'first and more'],
        ['open', 10, 'second'],
        ['mmap', 12, ''],
      ],
    );
  },
);

t.test(
  'compilePolicyText warns of a file that ends after a backslash, and keeps the statement',
  async (t) => {
    const { warnings, rules } = compilePolicyText('read: 1 \\', { arch: 'x86_64' });
    t.equal(rules.length, 1);
    t.match(warnings[0]?.message ?? '', /ends after a backslash/);
  },
);
