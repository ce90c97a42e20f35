/** The text of the guest's program `print`, to compare with: the same as `text_at` of print.c. */

const LINE_BYTES = 64;
const NUMBER_DIGITS = 8;
const NEWLINE = 0x0a;
const SPACE = 0x20;
const PRINTABLE = 95;

function line(number: number): Buffer {
  const bytes = Buffer.alloc(LINE_BYTES, NEWLINE);
  bytes.write(number.toString(16).padStart(NUMBER_DIGITS, '0'), 'latin1');
  for (let column = NUMBER_DIGITS; column < LINE_BYTES - 1; column++) {
    bytes[column] = SPACE + ((number * 7 + column) % PRINTABLE);
  }
  return bytes;
}

/** The first `sizeBytes` of the text. */
export function printedText(sizeBytes: number): Buffer {
  const count = Math.ceil(sizeBytes / LINE_BYTES);
  const lines = Array.from({ length: count }, (_, number) => line(number));
  return Buffer.concat(lines).subarray(0, sizeBytes);
}

/**
 * What the guest printed between its `print` line and what follows the text.
 *
 * @returns where output and text part first, counted from the start of the text; -1 when they are the same.
 */
export function firstDifference(output: Buffer, sizeBytes: number): number {
  const header = output.indexOf('\nprint ');
  const start = header < 0 ? output.length : output.indexOf('\n', header + 1) + 1;
  const text = printedText(sizeBytes);
  const printed = output.subarray(start, start + sizeBytes);
  if (printed.equals(text)) {
    return -1;
  }
  const at = text.findIndex((byte, index) => byte !== printed[index]);
  return at < 0 ? sizeBytes : at;
}
