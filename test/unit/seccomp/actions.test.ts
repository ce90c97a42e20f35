import t from 'tap';
import {
  actionReturn,
  describeReturn,
  errnoReturn,
  isPermissive,
} from '../../../src/seccomp/actions.ts';

t.test(
  'actionReturn gives kill the meaning that is asked for, and nothing to other words',
  async (t) => {
    t.equal(actionReturn('kill', 0x8000_0000), 0x8000_0000);
    t.equal(actionReturn('kill-thread', 0x8000_0000), 0);
    t.equal(actionReturn('return', 0), undefined);
    t.equal(actionReturn('constructor', 0), undefined);
  },
);

t.test('errnoReturn cuts to 16 bits', async (t) => {
  t.equal(errnoReturn(2n ** 64n - 1n), 0x0005_ffff);
  t.equal(errnoReturn(65_536n), 0x0005_0000);
});

t.test('describeReturn uses the words of the language', async (t) => {
  const cases = [
    [0x7fff_0000, 'allow'],
    [0x8000_0000, 'kill-process'],
    [0, 'kill-thread'],
    [0x0005_0026, 'return 38'],
    [0x7fc0_0000, 'user-notify'],
    [0x0003_0007, 'trap with data 7'],
    [0x1234_0000, '0x12340000'],
  ] as const;
  for (const [value, text] of cases) {
    t.equal(describeReturn(value), text);
  }
});

t.test('isPermissive is true of allow and log only', async (t) => {
  const values = [0x7fff_0000, 0x7ffc_0000, 0x7ff0_0000, 0x7fc0_0000, 0x0005_0000, 0x8000_0000, 0];
  t.same(values.map(isPermissive), [true, true, false, false, false, false, false]);
});
