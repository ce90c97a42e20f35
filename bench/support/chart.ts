/**
 * Draws results as an SVG file: a group of bars for each figure, one bar a side, with the range of the rounds.
 *
 * Figures have units and sizes of their own, so each group has its own scale, which starts at 0. Colours follow the
 * reader's light or dark scheme; nothing is loaded, so the file can be shown anywhere. See bench/README.md.
 */
import type { Results } from './rounds.ts';
import type { Summary } from './statistics.ts';

/** A bound to draw across a group: where a goal lies. */
export interface Mark {
  readonly figure: string;
  /** In the figure's unit. */
  readonly value: number;
}

export interface Chart {
  readonly title: string;
  /** The machine, in one line. */
  readonly host: string;
  /** When it was measured, as the reader is to see it. */
  readonly when: string;
  readonly unit: (figure: string) => string;
  readonly marks?: readonly Mark[];
}

const WIDTH = 960;
const MARGIN = 20;
const LABEL_WIDTH = 250;
const VALUE_WIDTH = 190;
const BAR_LEFT = MARGIN + LABEL_WIDTH;
const BAR_WIDTH_MAX = WIDTH - BAR_LEFT - VALUE_WIDTH - MARGIN;
const HEADER_HEIGHT = 66;
const TITLE_HEIGHT = 26;
const ROW_HEIGHT = 19;
const BAR_HEIGHT = 13;
const GROUP_GAP = 14;
const FOOTER_HEIGHT = 40;
/** Wraps the line about the machine; characters of the small font that fit. */
const LINE_LENGTH = 140;

/** Colours of the families of sides, for light and dark; told apart by brightness too. */
const COLOURS = [
  ['#1f5fbf', '#6ea8ff'],
  ['#c2621b', '#f2a65a'],
  ['#5f6b76', '#a3adb8'],
  ['#2f8f4e', '#74cf92'],
  ['#8a3f9e', '#d08be3'],
  ['#a3872a', '#dcc463'],
] as const;

/** Text for an element or an attribute. */
export function escapeXml(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&apos;')
    .replace(CONTROL, '');
}

/** Characters that XML 1.0 has no way to write. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
const CONTROL = /[\u0000-\u0008\u000b\u000c\u000e-\u001f]/g;

/** A number as tables and charts show it: three digits, or whole. */
export function formatValue(value: number): string {
  return Math.abs(value) >= 100 ? value.toFixed(0) : value.toPrecision(3);
}

/** Sides whose names start alike up to a comma or space are shades of one thing, and get one colour. */
function familyOf(side: string): string {
  return /^[^\s,]*/.exec(side)?.[0] ?? side;
}

function familiesOf(results: Results): Map<string, number> {
  const families = new Map<string, number>();
  for (const bySide of results.values()) {
    for (const side of bySide.keys()) {
      const family = familyOf(side);
      families.set(family, families.get(family) ?? families.size % COLOURS.length);
    }
  }
  return families;
}

function styles(): string {
  const light = COLOURS.map(([colour], index) => `.f${index}{fill:${colour}}`).join('');
  const dark = COLOURS.map(([, colour], index) => `.f${index}{fill:${colour}}`).join('');
  return [
    '<style>',
    'text{font:12px system-ui,sans-serif;fill:#1b1f24}.title{font-size:17px;font-weight:600}',
    '.figure{font-size:13px;font-weight:600}.small{font-size:11px;fill:#5b6570}',
    '.paper{fill:#fff}.range{stroke:#1b1f24;stroke-width:1.2}',
    `.goal{stroke:#b3261e;stroke-width:1.5;stroke-dasharray:4 3}${light}`,
    '@media(prefers-color-scheme:dark){text{fill:#e6e9ec}.small{fill:#a3adb8}.paper{fill:#15181c}',
    `.range{stroke:#e6e9ec}.goal{stroke:#ff8a80}${dark}}`,
    '</style>',
  ].join('');
}

function textAt(x: number, y: number, text: string, attributes = ''): string {
  return `<text x="${x}" y="${y}"${attributes}>${escapeXml(text)}</text>`;
}

/** Cuts a line at spaces. */
function wrap(text: string): string[] {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const last = lines.at(-1);
    if (last === undefined || last.length + word.length >= LINE_LENGTH) {
      lines.push(word);
    } else {
      lines[lines.length - 1] = `${last} ${word}`;
    }
  }
  return lines;
}

interface Row {
  readonly side: string;
  readonly summary: Summary;
  readonly family: number;
  /** Pixels for one of the figure's unit. */
  readonly scale: number;
}

function drawRow({ side, summary, family, scale }: Row, top: number): string {
  const { median, min, max } = summary;
  const middle = top + BAR_HEIGHT / 2;
  const baseline = top + BAR_HEIGHT - 2;
  const from = BAR_LEFT + min * scale;
  const to = BAR_LEFT + max * scale;
  const range = `${formatValue(min)}–${formatValue(max)}`;
  return [
    textAt(BAR_LEFT - 8, baseline, side, ' text-anchor="end"'),
    `<rect class="bar f${family}" x="${BAR_LEFT}" y="${top}" width="${pixels(median * scale)}" height="${BAR_HEIGHT}">`,
    `<title>${escapeXml(`${side}: ${formatValue(median)}, ${range}`)}</title></rect>`,
    `<path class="range" d="M${pixels(from)} ${middle}H${pixels(to)}M${pixels(from)} ${middle - 3}v6M${pixels(to)} ${middle - 3}v6"/>`,
    textAt(WIDTH - MARGIN - VALUE_WIDTH + 12, baseline, `${formatValue(median)}  (${range})`),
  ].join('');
}

/** What was not measured is drawn as nothing. */
function pixels(length: number): string {
  return (Number.isFinite(length) ? length : 0).toFixed(1);
}

/** Draws all of it; returns the text of the file. */
export function drawChart(chart: Chart, results: Results): string {
  const families = familiesOf(results);
  const parts: string[] = [];
  let top = HEADER_HEIGHT;
  for (const [figure, bySide] of results) {
    const marks = (chart.marks ?? []).filter((mark) => mark.figure === figure);
    const highest = Math.max(
      ...[...bySide.values()].map(({ max }) => max),
      ...marks.map(({ value }) => value),
    );
    // What is nothing on all sides gets bars of no length.
    const scale = highest > 0 ? BAR_WIDTH_MAX / highest : 0;
    parts.push(textAt(MARGIN, top + 14, `${figure}, ${chart.unit(figure)}`, ' class="figure"'));
    top += TITLE_HEIGHT;
    const first = top;
    for (const [side, summary] of bySide) {
      parts.push(drawRow({ side, summary, family: families.get(familyOf(side)) ?? 0, scale }, top));
      top += ROW_HEIGHT;
    }
    for (const { value } of marks) {
      const x = pixels(BAR_LEFT + value * scale);
      parts.push(
        `<path class="goal" d="M${x} ${first - 3}V${top - 3}"><title>${escapeXml(`goal: ${formatValue(value)}`)}</title></path>`,
      );
    }
    top += GROUP_GAP;
  }
  const legend = `Bars: median of the rounds. Thin lines: from the lowest to the highest round.${
    (chart.marks ?? []).length > 0 ? ' Dashed: the goal.' : ''
  }`;
  const footer = wrap(`${chart.host}; measured ${chart.when}`);
  const height = top + FOOTER_HEIGHT + footer.length * 14;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img">`,
    `<title>${escapeXml(chart.title)}</title>`,
    styles(),
    `<rect class="paper" width="${WIDTH}" height="${height}"/>`,
    textAt(MARGIN, 32, chart.title, ' class="title"'),
    textAt(MARGIN, 51, legend, ' class="small"'),
    ...parts,
    ...footer.map((line, index) => textAt(MARGIN, top + 20 + index * 14, line, ' class="small"')),
    '</svg>\n',
  ].join('\n');
}
