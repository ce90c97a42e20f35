/** JSON as the project's formatter writes it, so that generated files pass the style check. */

const LINE_WIDTH = 100;
const INDENT = '  ';

/** Objects over several lines, arrays on one line where they fit. No end of line after the last. */
export function formatJson(value: unknown, indent = ''): string {
  const inner = indent + INDENT;
  if (Array.isArray(value)) {
    const items = value.map((item: unknown) => formatJson(item, inner));
    const line = `[${items.join(', ')}]`;
    const fits = !line.includes('\n') && indent.length + line.length <= LINE_WIDTH;
    return fits || items.length === 0
      ? line
      : `[\n${items.map((item) => inner + item).join(',\n')}\n${indent}]`;
  }
  if (typeof value === 'object' && value !== null) {
    const fields = Object.entries(value).map(
      ([key, field]) => `${inner}${JSON.stringify(key)}: ${formatField(key, field, inner)}`,
    );
    return fields.length === 0 ? '{}' : `{\n${fields.join(',\n')}\n${indent}}`;
  }
  return JSON.stringify(value);
}

/** The key takes room on the line of an array. */
function formatField(key: string, field: unknown, indent: string): string {
  const text = formatJson(field, indent);
  const width = indent.length + JSON.stringify(key).length + 2 + text.length + 1;
  if (!Array.isArray(field) || text.includes('\n') || width <= LINE_WIDTH) {
    return text;
  }
  const inner = indent + INDENT;
  const items = field.map((item: unknown) => inner + formatJson(item, inner));
  return `[\n${items.join(',\n')}\n${indent}]`;
}
