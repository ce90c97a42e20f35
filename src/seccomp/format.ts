/** Programs in the forms in which others take them: raw bytes, JSON, a listing, C. Pure functions. */
import { assertNever } from '../base/assert.ts';
import { decodeProgram } from './bpf.ts';
import { disassemble } from './disassembler.ts';

export const OUTPUT_FORMATS = ['raw', 'json', 'asm', 'c'] as const;
/**
 * - `raw`: `struct sock_filter[]` of the target, little-endian, as `minijail0 --seccomp-bpf-binary` takes it;
 * - `json`: `{"length": N, "instructions": [{"code", "jt", "jf", "k"}, ...]}`;
 * - `asm`: one line for each instruction, for reading;
 * - `c`: an array for `struct sock_fprog`.
 */
export type OutputFormat = (typeof OUTPUT_FORMATS)[number];

/** Options of {@link formatProgram}. */
export interface FormatOptions {
  /** Name of the C array; `seccomp_filter` unless given. Characters that C does not take become `_`. */
  readonly name?: string;
}

/**
 * Renders a program.
 *
 * @param program raw `struct sock_filter[]`.
 * @returns bytes; those of the text formats are ASCII and end in a newline.
 */
export function formatProgram(
  program: Uint8Array,
  format: OutputFormat,
  options: FormatOptions = {},
): Uint8Array {
  switch (format) {
    case 'raw':
      return program.slice();
    case 'json':
      return encode(toJson(program));
    case 'asm':
      return encode(toListing(program));
    case 'c':
      return encode(toC(program, options.name ?? 'seccomp_filter'));
    default:
      return assertNever(format);
  }
}

function encode(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

function toJson(program: Uint8Array): string {
  const instructions = decodeProgram(program);
  const lines = instructions.map((instruction) => `    ${JSON.stringify(instruction)}`);
  return `{\n  "length": ${instructions.length},\n  "instructions": [\n${lines.join(',\n')}\n  ]\n}\n`;
}

function toListing(program: Uint8Array): string {
  return decodeProgram(program)
    .map(
      (instruction, index) => `${String(index).padStart(4)}  ${disassemble(instruction, index)}\n`,
    )
    .join('');
}

function hex(value: number, digits: number): string {
  return `0x${value.toString(16).padStart(digits, '0')}`;
}

function toC(program: Uint8Array, name: string): string {
  const identifier = name.replace(/[^A-Za-z0-9_]/g, '_').replace(/^(?=[0-9])/, '_');
  const rows = decodeProgram(program).map(
    (instruction, index) =>
      `\t{ ${hex(instruction.code, 4)}, ${instruction.jt}, ${instruction.jf}, ${hex(instruction.k, 8)} },` +
      ` /* ${disassemble(instruction, index)} */\n`,
  );
  return `#include <linux/filter.h>\n\nstatic const struct sock_filter ${identifier}[] = {\n${rows.join('')}};\n`;
}
