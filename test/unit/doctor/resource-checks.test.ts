import t from 'tap';
import {
  hugePageCheck,
  limitChecks,
  memoryCheck,
  nodeCheck,
} from '../../../src/doctor/resource-checks.ts';
import { fakeHost } from '../../support/fake-host.ts';

const SHMEM = '/sys/kernel/mm/transparent_hugepage/shmem_enabled';
const LIMITS = `Limit                     Soft Limit           Hard Limit           Units
Max processes             unlimited            unlimited            processes
Max open files            256                  4096                 files
Max locked memory         65536                65536                bytes
`;

t.test('memoryCheck counts available memory', async (t) => {
  const host = (kib: number) =>
    fakeHost({ files: { '/proc/meminfo': `MemTotal: 1 kB\nMemAvailable:   ${kib} kB\n` } });
  t.match(memoryCheck(host(2 * 1024 * 1024)), { status: 'ok', detail: '2048 MiB available' });
  t.match(memoryCheck(host(300 * 1024)), { status: 'warn', detail: /^only 300 MiB available/ });
  t.match(memoryCheck(fakeHost()), { status: 'warn', remedy: 'mount /proc' });
});

t.test('hugePageCheck reads the chosen mode out of the brackets', async (t) => {
  const host = (text: string) => fakeHost({ files: { [SHMEM]: text } });
  t.match(hugePageCheck(host('always within_size [advise] never deny force\n')), {
    status: 'ok',
    detail: 'for shared memory: advise',
  });
  t.match(hugePageCheck(host('always within_size advise [never] deny force\n')), {
    status: 'warn',
    remedy: `echo advise > ${SHMEM}`,
  });
  t.match(hugePageCheck(fakeHost()), { status: 'warn' });
});

t.test('limitChecks compares soft limits and gives the ulimit call', async (t) => {
  t.match(limitChecks(fakeHost({ files: { '/proc/self/limits': LIMITS } })), [
    { name: 'limit nofile', status: 'warn', remedy: 'ulimit -n 1024' },
    { name: 'limit memlock', status: 'ok', detail: '65536' },
    { name: 'limit nproc', status: 'ok', detail: 'unlimited' },
  ]);
  const small = LIMITS.replace('65536 ', '65535 ');
  t.match(limitChecks(fakeHost({ files: { '/proc/self/limits': small } }))[1], {
    status: 'warn',
    // bash and dash count locked memory in KiB.
    remedy: 'ulimit -l 64',
  });
});

t.test('nodeCheck draws the line at 20.19', async (t) => {
  t.match(nodeCheck('20.19.0'), { status: 'ok' });
  t.match(nodeCheck('22.0.1'), { status: 'ok' });
  t.match(nodeCheck('20.18.9'), { status: 'missing', remedy: 'install Node.js 20.19 or later' });
  t.match(nodeCheck('18.20.0'), { status: 'missing' });
});
