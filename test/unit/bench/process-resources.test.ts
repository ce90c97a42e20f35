import { closeSync, openSync } from 'node:fs';
import t from 'tap';
import {
  availableMib,
  kernelMib,
  resourcesOf,
  statusField,
} from '../../../bench/support/process-resources.ts';

t.test('statusField reads a number and names what is missing', (t) => {
  t.equal(statusField('Name:\tx\nThreads:\t12\nVmPTE:\t   340 kB\n', 'VmPTE'), 340);
  t.throws(() => statusField('Threads:\t12\n', 'VmPTE'), /no VmPTE/);
  t.end();
});

t.test(
  'resourcesOf counts this process: its descriptors, threads, and no namespace but its own',
  (t) => {
    const before = resourcesOf([process.pid]);
    const opened = [1, 2, 3].map(() => openSync('/dev/null', 'r'));
    const after = resourcesOf([process.pid]);
    opened.forEach(closeSync);
    t.equal(after.descriptors - before.descriptors, opened.length);
    t.equal(before.processes, 1);
    t.ok(before.threads > 1, `${before.threads} threads`);
    t.ok(before.mappingsMax > 10, `${before.mappingsMax} mappings`);
    t.equal(before.userNamespaces, 0);
    t.equal(before.netNamespaces, 0);
    t.ok(availableMib() > 1, 'there is memory');
    t.ok(kernelMib() > 1, 'the kernel has some');
    t.end();
  },
);
