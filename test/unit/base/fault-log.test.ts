import { spawnSync } from 'node:child_process';
import t from 'tap';
import { FaultLog } from '../../../src/base/fault-log.ts';

const MODULE = new URL('../../../src/base/fault-log.js', import.meta.url).href;

t.test('FaultLog.note logs the first, second, fourth and eighth fault', (t) => {
  // In a process of its own, because the log goes straight to descriptor 2.
  const script = `
    import { FaultLog } from ${JSON.stringify(MODULE)};
    const faults = new FaultLog('disk');
    for (let count = 0; count < 10; count++) faults.note('warn', 'bad sector');
  `;
  const { stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
    encoding: 'utf8',
  });
  const lines = [1, 2, 4, 8].map((count) => `crosvm: warn: disk: bad sector (fault ${count})`);
  t.same(stderr.trimEnd().split('\n'), lines);
  t.end();
});

t.test('FaultLog.count counts all of them', (t) => {
  const faults = new FaultLog('disk');
  for (let count = 0; count < 5; count++) {
    faults.note('trace', 'bad sector');
  }
  t.equal(faults.count, 5);
  t.end();
});
