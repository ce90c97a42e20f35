import t from 'tap';
import * as figures from '../../../bench/support/scale-figures.ts';
import { parseKept, predict, scaleMarkdown } from '../../../bench/support/scale-model.ts';

const SIDE = figures.CROSVM_SIDE;
const VALUES: Readonly<Record<string, number>> = {
  [figures.PSS]: 56,
  [figures.PAGE_TABLES]: 3,
  [figures.KERNEL_MEMORY]: 5,
  // For comparison only.
  [figures.HOST_MEMORY]: 999,
  [figures.START_RATE_PER_CORE]: 2,
  [figures.START_CPU]: 250,
  [figures.IDLE_CPU]: 0.0625,
  [figures.THREADS]: 40,
  [figures.DESCRIPTORS]: 100,
  [figures.USER_NAMESPACES]: 3,
};
const KEPT = JSON.stringify({
  when: '2026-01-02T03:04:05.000Z',
  host: { cpu: 'some', cores: 2 },
  figures: Object.fromEntries(
    Object.entries(VALUES).map(([figure, median]) => [figure, { [SIDE]: { median } }]),
  ),
});
const HOST = { cores: 10, memoryGib: 100, guestMib: 256 };

t.test('predict: memory sets how many machines, cores how fast they start', (t) => {
  // 100 GiB x 0.9 are 92,160 MiB; a machine takes 256 + 56 + 3 + 5.
  t.strictSame(predict(parseKept(KEPT), SIDE, HOST), {
    machines: 288,
    overheadGib: 18,
    startsPerSecond: 20,
    startsByCpu: 40,
    fillSeconds: 14.4,
    idleCores: 0.18,
    threads: 11_520,
    descriptors: 28_800,
    userNamespaces: 864,
  });
  t.end();
});

t.test('scaleMarkdown shows every figure, and says what was not measured', (t) => {
  const text = scaleMarkdown(parseKept(KEPT), HOST);
  t.match(text, /^Measured 2026-01-02; cpu: some; cores: 2\./);
  t.match(text, '| CPU to start one, milliseconds | 250 | not measured | not measured |');
  t.match(text, '| machines that memory holds | 288 | not measured | not measured |');
  t.match(text, '| threads | 11,520 |');
  for (const figure of figures.FIGURES) {
    t.match(text, `| ${figure}, `, figure);
  }
  t.end();
});

t.test('parseKept refuses what no benchmark wrote', (t) => {
  for (const text of ['{}', '[]', '{"when":1,"host":{},"figures":{}}', '{"when":"x","host":{}}']) {
    t.throws(() => parseKept(text), /not the JSON of a benchmark/, text);
  }
  t.end();
});
