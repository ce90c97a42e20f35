import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import t from 'tap';
import { nativeAddonPath } from '../../src/sys/native.ts';

t.test('nativeAddonPath finds the addon of this project', async (t) => {
  t.match(nativeAddonPath(), /\/native\/build\/crosvm_native\.node$/);
  t.ok(existsSync(nativeAddonPath()));
});

t.test('the addon loads in several worker threads at once', async (t) => {
  const url = new URL('../../src/sys/native.js', import.meta.url).href;
  const script = `
    import('${url}').then((native) => {
      require('node:worker_threads').parentPort.postMessage(typeof native.kickThread);
    });`;
  const workers = [0, 1, 2].map(() => new Worker(script, { eval: true }));
  const answers = await Promise.all(workers.map(async (worker) => once(worker, 'message')));
  t.strictSame(answers, [['function'], ['function'], ['function']]);
  await Promise.all(workers.map(async (worker) => worker.terminate()));
});
