/**
 * Asks the C compiler what the headers of this host say about our tables: sizes, offsets and constants.
 *
 * To cover further structures, describe them with `src/base/struct.ts` and pass them here with their headers.
 */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type AnyStruct, fieldSizeBytes } from '../../src/base/struct.ts';

/** What to compare. */
export interface HeaderQuestion {
  /** Headers in order, `linux/kvm.h` for example. */
  readonly includes: readonly string[];
  readonly structs: readonly AnyStruct[];
  /** Preprocessor constants by name, with our values. */
  readonly constants: Readonly<Record<string, number>>;
}

/** One fact, ours beside the header's. `theirs` is undefined where the header does not have the name. */
export interface HeaderFact {
  readonly name: string;
  readonly ours: number;
  readonly theirs: number | undefined;
}

/** Why the comparison cannot be made on this host; undefined when it can. */
export function headersUnavailable(headers: readonly string[]): string | undefined {
  try {
    execFileSync('gcc', ['-E', '-x', 'c', '-', '-o', '/dev/null'], {
      input: includeLines(headers),
      stdio: ['pipe', 'ignore', 'pipe'],
    });
    return undefined;
  } catch {
    return `needs gcc and the headers ${headers.join(', ')}`;
  }
}

function includeLines(headers: readonly string[]): string {
  return headers.map((header) => `#include <${header}>\n`).join('');
}

interface Expression {
  readonly name: string;
  readonly ours: number;
  readonly code: string;
}

function structExpressions(table: AnyStruct): Expression[] {
  const fields = Object.entries(table.fields).flatMap(([name, field]) => [
    {
      name: `offsetof(${table.name}, ${name})`,
      ours: field.offset,
      code: `offsetof(${table.name}, ${name})`,
    },
    {
      name: `sizeof(${table.name}.${name})`,
      ours: fieldSizeBytes(field),
      code: `sizeof(((${table.name} *)0)->${name})`,
    },
  ]);
  const size = `sizeof(${table.name})`;
  return [{ name: size, ours: table.sizeBytes, code: size }, ...fields];
}

/** One line per fact, in the order of the expressions: the value, or `-` for a name that is not defined. */
function program(question: HeaderQuestion, expressions: readonly Expression[]): string {
  const constants = Object.keys(question.constants).map(
    (name) => `#ifdef ${name}\n  PRINT(${name});\n#else\n  puts("-");\n#endif\n`,
  );
  return [
    '#include <stddef.h>\n#include <stdio.h>\n',
    includeLines(question.includes),
    '#define PRINT(value) printf("%llu\\n", (unsigned long long)(value))\nint main(void) {\n',
    ...expressions.map(({ code }) => `  PRINT(${code});\n`),
    ...constants,
    '  return 0;\n}\n',
  ].join('');
}

/**
 * Compiles and runs the program that answers a question.
 *
 * @param directory an empty directory to build in.
 * @throws when it does not compile: a structure or field of the tables does not exist.
 */
export function askHeaders(question: HeaderQuestion, directory: string): HeaderFact[] {
  const expressions = question.structs.flatMap(structExpressions);
  const source = join(directory, 'probe.c');
  const binary = join(directory, 'probe');
  writeFileSync(source, program(question, expressions));
  execFileSync('gcc', ['-std=gnu11', '-o', binary, source], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const answers = execFileSync(binary, { encoding: 'utf8' }).trimEnd().split('\n');
  const constants = Object.entries(question.constants).map(([name, ours]) => ({ name, ours }));
  return [...expressions, ...constants].map(({ name, ours }, index) => {
    const answer = answers[index] ?? '-';
    return { name, ours, theirs: answer === '-' ? undefined : Number(answer) };
  });
}
