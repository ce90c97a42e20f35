import t from 'tap';
import { cpuMsOf, processesCpuMs } from '../../../bench/support/process-cpu.ts';

t.test('cpuMsOf adds user and system time, and that of children that were waited for', (t) => {
  const before = 'S 1 2 3 0 -1 4194304 100 200 0 0';
  t.equal(cpuMsOf(`7 (a) b (c) ${before} 11 20 300 4000 20 0 1 0 5`), 43_310);
  t.end();
});

t.test('processesCpuMs counts what this process does, and takes no notice of what is gone', (t) => {
  const before = processesCpuMs([process.pid]);
  const start = process.cpuUsage();
  let spentMicros = 0;
  while (spentMicros < 100_000) {
    const { user, system } = process.cpuUsage(start);
    spentMicros = user + system;
  }
  const gone = 2 ** 22 + 1; // Above the kernel's highest process id.
  const spent = processesCpuMs([process.pid, gone]) - before;
  t.ok(spent >= 80 && spent < 1000, `${spent} ms`);
  t.end();
});
