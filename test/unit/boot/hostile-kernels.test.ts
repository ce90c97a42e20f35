import fc from 'fast-check';
import t from 'tap';
import { bootHostileKernel, hostileKernel } from '../../support/hostile-kernels.ts';
import { holds } from '../../support/property.ts';

t.test('loadKernel loads inside RAM or refuses, whatever is in the file', async (t) => {
  const seen = new Set<string>();
  holds(
    t,
    fc.property(hostileKernel, (bytes) => {
      seen.add(bootHostileKernel(bytes));
    }),
  );
  t.ok(seen.size > 3, `the files were of different kinds: ${[...seen].join(' ')}`);
});
