import t from 'tap';
import { EMPTY_BASELINE } from '../../../src/audit/baseline.ts';
import { formatJson } from '../../../src/audit/json-format.ts';
import { auditDevices, reportToJson } from '../../../src/audit/report.ts';
import { escapeHtml, reportToHtml } from '../../../src/audit/report-html.ts';
import { reportToTable, wrap } from '../../../src/audit/report-table.ts';
import { subjectOf } from './audit-subject.ts';

const HOSTILE = '<script>alert("x")</script>';
const TEXT = `# Says ${HOSTILE}\nopenat: arg2 == 0x7\n# Waits.\nepoll_wait: allow\nioctl: arg1 == TCGETS # Size.\n`;

const report = auditDevices(
  [
    subjectOf(TEXT, { summary: HOSTILE }),
    subjectOf('# Waits.\npoll: allow\n', { device: 'other' }),
  ],
  EMPTY_BASELINE,
);

t.test('reportToTable shows devices, abilities, reasons and findings', async (t) => {
  const table = reportToTable(report);
  t.match(table, /^!! open files by name +1 +-$/m);
  t.match(table, /openat if flags \(arg2\) is 0x7\n +x\.policy:2/);
  t.match(table, /TCGETS \(0x5401\): terminal/);
  t.match(table, /HIGH openat opens files by name\n +x\.policy:2: openat: arg2 == 0x7/);
  t.match(table, /for example openat\(0x0, 0x0, 0x7, 0x0\)/);
  t.match(table, /No device may run programs;/);
  t.match(table, /grown +test: the device is not in the baseline/);
});

t.test('reportToJson is JSON with arguments as strings', async (t) => {
  const parsed: unknown = JSON.parse(reportToJson(report));
  t.match(parsed, {
    version: 1,
    devices: [
      { device: 'test', findings: [{ id: 'open-files', example: ['0x0', '0x0', '0x7'] }] },
      { device: 'other' },
    ],
  });
});

t.test('reportToHtml runs nothing and loads nothing, whatever a policy says', async (t) => {
  const html = reportToHtml(report);
  t.notMatch(html, /<script|<img|<link|\son\w+=|url\(|@import|https?:/i);
  t.match(html, /Says &lt;script&gt;alert\(&quot;x&quot;\)&lt;\/script&gt;/);
  t.match(html, /default-src 'none'/);
});

t.test('reportToHtml has a target for every link, once', async (t) => {
  const html = reportToHtml(report);
  const ids = [...html.matchAll(/ id="([^"]+)"/g)].map((match) => match[1]);
  const links = [...html.matchAll(/ href="#([^"]+)"/g)].map((match) => match[1]);
  t.ok(links.length >= 5, `${links.length} links`);
  t.same(
    links.filter((link) => !ids.includes(link)),
    [],
  );
  t.equal(new Set(ids).size, ids.length);
});

t.test('reportToHtml closes every element that it opens', async (t) => {
  const open: string[] = [];
  const html = reportToHtml(report).replace(/<style>.*<\/style>/s, '');
  for (const [, slash, name = ''] of html.matchAll(/<(\/?)([a-z0-9]+)[^>]*>/g)) {
    if (slash === '/') {
      t.equal(open.pop(), name);
    } else if (!['meta', 'br'].includes(name)) {
      open.push(name);
    }
  }
  t.same(open, []);
});

t.test('reportToHtml follows the reader in colours and width', async (t) => {
  const html = reportToHtml(report);
  t.match(html, /@media \(prefers-color-scheme: dark\)/);
  t.match(html, /name="viewport" content="width=device-width/);
});

t.test('escapeHtml leaves nothing that ends a text or an attribute', async (t) => {
  t.equal(escapeHtml(`<a href="x" id='y'>&`), '&lt;a href=&quot;x&quot; id=&#39;y&#39;&gt;&amp;');
});

t.test('wrap breaks at blanks, never within a word', async (t) => {
  t.equal(wrap('aa bb cc', '  ', 7), '  aa bb\n  cc\n');
  t.equal(wrap('unbreakable', ' ', 4), ' unbreakable\n');
  t.equal(wrap('', ' ', 4), '');
});

t.test('formatJson keeps what JSON says', async (t) => {
  const value = { a: [], b: ['x'.repeat(60), 'y'.repeat(60)], c: { d: [1, 2], e: {} }, f: null };
  t.same(JSON.parse(formatJson(value)), value);
  t.match(formatJson(value), /"d": \[1, 2\]/);
  t.match(formatJson(value), /\[\n {4}"x/);
});
