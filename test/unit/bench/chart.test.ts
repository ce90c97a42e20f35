import t from 'tap';
import { drawChart, escapeXml, formatValue } from '../../../bench/support/chart.ts';
import type { Results } from '../../../bench/support/rounds.ts';
import { summarize } from '../../../bench/support/statistics.ts';

/** Names with everything that XML gives a meaning to. */
const OURS = 'crosvm, "jailed" & <filtered>';
const RESULTS: Results = new Map([
  [
    'reads < 4 KiB',
    new Map([
      [OURS, summarize([100, 110, 130])],
      ['QEMU, none', summarize([90, 100, 400])],
      ["QEMU, it's threads", summarize([50, 60, 70])],
    ]),
  ],
  ['nothing at all', new Map([[OURS, summarize([0, 0, 0])]])],
]);
const CHART = {
  title: 'How quick & how <steady>?',
  host: 'cpu: "A" & B; cores: 2',
  when: '2024-01-02T03:04:05.000Z',
  unit: (figure: string) => (figure.startsWith('reads') ? 'requests a second' : 'µs'),
  marks: [{ figure: 'reads < 4 KiB', value: 200 }],
};

/** The names of elements in a text, in order; throws where the text is not well-formed XML. */
function elementsOf(xml: string): string[] {
  const names: string[] = [];
  const open: string[] = [];
  const token =
    /<(\/?)([a-z]+)((?: [a-z:A-Z-]+="[^"<&]*(?:&(?:amp|lt|gt|quot|apos);[^"<&]*)*")*)(\/?)>|([^<]+)/gy;
  let end = 0;
  for (let match = token.exec(xml); match !== null; match = token.exec(xml)) {
    end = token.lastIndex;
    const [, closing, name, , empty, text] = match;
    if (text !== undefined) {
      if (/&(?!(?:amp|lt|gt|quot|apos);)/.test(text)) {
        throw new Error(`a bare & in "${text}"`);
      }
    } else if (closing === '/') {
      if (open.pop() !== name) {
        throw new Error(`</${name ?? ''}> closes something else`);
      }
    } else {
      names.push(name ?? '');
      if (empty !== '/') {
        open.push(name ?? '');
      }
    }
  }
  if (end !== xml.length || open.length > 0) {
    throw new Error(`not well-formed at ${end}, open: ${open.join(' ')}`);
  }
  return names;
}

t.test('drawChart writes well-formed XML', (t) => {
  const elements = elementsOf(drawChart(CHART, RESULTS));
  t.equal(elements[0], 'svg');
  t.equal(elements.filter((name) => name === 'svg').length, 1);
  t.end();
});

for (const broken of ['<svg><text></svg></text>', '<svg>a & b</svg>', '<svg x="<"/>', '<svg>']) {
  t.test(`the check for well-formed XML refuses ${broken}`, (t) => {
    t.throws(() => elementsOf(broken));
    t.end();
  });
}

t.test('drawChart escapes titles, figures, sides and the machine', (t) => {
  const svg = drawChart(CHART, RESULTS);
  for (const text of [CHART.title, OURS, 'reads < 4 KiB, requests a second', CHART.host]) {
    t.ok(svg.includes(escapeXml(text)), text);
    t.notOk(svg.includes(text), `not bare: ${text}`);
  }
  t.end();
});

t.test('drawChart draws one bar and one range for each side of each figure', (t) => {
  const svg = drawChart(CHART, RESULTS);
  t.equal(svg.match(/<rect class="bar /g)?.length, 4);
  t.equal(svg.match(/<path class="range"/g)?.length, 4);
  t.equal(svg.match(/<path class="goal"/g)?.length, 1);
  t.end();
});

t.test('drawChart draws lengths in proportion to the medians, and none for nothing', (t) => {
  const widths = [
    ...drawChart(CHART, RESULTS).matchAll(/class="bar f\d" [^>]*width="([\d.]+)"/g),
  ].map(([, width]) => Number(width));
  const [ours = 0, none = 0, threads = 0, nothing] = widths;
  t.ok(Math.abs(ours / none - 1.1) < 0.01, `${ours} to ${none}`);
  t.ok(Math.abs(threads / none - 0.6) < 0.01, `${threads} to ${none}`);
  t.equal(nothing, 0);
  t.end();
});

t.test('drawChart gives the sides of one family one colour', (t) => {
  const colours = [...drawChart(CHART, RESULTS).matchAll(/class="bar (f\d)"/g)].map(
    ([, colour]) => colour,
  );
  t.strictSame(colours, ['f0', 'f1', 'f1', 'f0']);
  t.end();
});

t.test('drawChart tells unit, machine and date, and has colours for light and dark', (t) => {
  const svg = drawChart(CHART, RESULTS);
  t.match(svg, 'nothing at all, µs');
  t.match(svg, 'measured 2024-01-02T03:04:05.000Z');
  t.match(svg, 'prefers-color-scheme:dark');
  t.end();
});

t.test('escapeXml leaves out what XML cannot say', (t) => {
  t.equal(escapeXml(`a\u0000b\u001bc\n'`), 'abc\n&apos;');
  t.end();
});

t.test('formatValue shows three digits, or a whole number', (t) => {
  t.strictSame([1234.5, 99.94, 0.01234, 0].map(formatValue), ['1235', '99.9', '0.0123', '0.00']);
  t.end();
});
