/**
 * Counts the tests in one file's TAP (version 14, as tap writes it when a test file is run by itself).
 *
 * A test is a subtest without subtests of its own; its assertions are not counted one by one. An assertion outside of
 * any subtest is a test, too. What says `# SKIP` or `# TODO` did not run, and is counted as skipped.
 */

/** A test that did not run. */
export interface SkippedTest {
  readonly title: string;
  readonly reason: string;
}

/** What one file's TAP says. */
export interface TapReport {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: readonly SkippedTest[];
}

/** A subtest that has begun and has not ended. */
interface OpenTest {
  hasSubtests: boolean;
  assertions: number;
  skips: number;
  /** Failures of the whole file when it began. */
  readonly failedBefore: number;
  /** Known before its end where a subtest is written in braces. */
  result?: TestPoint;
}

interface TestPoint {
  readonly depth: number;
  readonly ok: boolean;
  readonly title: string;
  readonly skipReason?: string;
  readonly opensBraces: boolean;
}

const INDENT = 4;
const TEST_POINT = /^( *)(not )?ok\b(?: \d+)?(?: - )?(.*)$/;
const DIRECTIVE = /(?:^| )# (?:SKIP|TODO)\b:? ?(.*)$/i;
const PLAN_SKIP = /^1\.\.0 # SKIP ?(.*)$/i;

/** Reads TAP line by line; lines that are none (a program's own output, diagnostics) do not count. */
export class TapReader {
  #passed = 0;
  #failed = 0;
  readonly #skipped: SkippedTest[] = [];
  readonly #open = new Map<number, OpenTest>();
  #diagnosticsEnd: string | undefined;

  /** Takes the next line, without its line break. */
  readLine(line: string): void {
    if (this.#skipsDiagnostics(line)) {
      return;
    }
    const planSkip = PLAN_SKIP.exec(line);
    const subtest = /^( *)# Subtest(?::|$)/.exec(line);
    const brace = /^( *)\}$/.exec(line);
    const point = parseTestPoint(line);
    if (planSkip !== null) {
      this.#skipped.push({ title: 'the whole file', reason: planSkip[1] ?? '' });
    } else if (subtest !== null) {
      this.#begin(depthOf(subtest[1]));
    } else if (brace !== null) {
      this.#endBraces(depthOf(brace[1]));
    } else if (point !== undefined) {
      this.#readPoint(point);
    }
  }

  /** The counts so far. */
  report(): TapReport {
    return { passed: this.#passed, failed: this.#failed, skipped: this.#skipped };
  }

  /** YAML between `---` and `...` may hold anything, lines that look like tests as well. */
  #skipsDiagnostics(line: string): boolean {
    if (this.#diagnosticsEnd !== undefined) {
      if (line === this.#diagnosticsEnd) {
        this.#diagnosticsEnd = undefined;
      }
      return true;
    }
    const start = /^( +)---$/.exec(line);
    if (start !== null) {
      this.#diagnosticsEnd = `${start[1] ?? ''}...`;
    }
    return start !== null;
  }

  #begin(depth: number, result?: TestPoint): void {
    const parent = this.#open.get(depth - 1);
    if (parent !== undefined) {
      parent.hasSubtests = true;
    }
    const failedBefore = this.#failed;
    const fresh = { hasSubtests: false, assertions: 0, skips: 0, failedBefore };
    this.#open.set(depth, result === undefined ? fresh : { ...fresh, result });
  }

  #endBraces(depth: number): void {
    const result = this.#open.get(depth)?.result;
    if (result !== undefined) {
      this.#end(result);
    }
  }

  #readPoint(point: TestPoint): void {
    if (point.opensBraces) {
      this.#begin(point.depth, point);
    } else if (this.#open.has(point.depth)) {
      this.#end(point);
    } else {
      this.#countAssertion(point);
    }
  }

  #end(point: TestPoint): void {
    const test = this.#open.get(point.depth);
    this.#open.delete(point.depth);
    if (!point.ok) {
      // A test whose subtests failed fails for them; they have been counted.
      this.#failed += test !== undefined && this.#failed > test.failedBefore ? 0 : 1;
    } else if (point.skipReason !== undefined) {
      this.#skipped.push({ title: point.title, reason: point.skipReason });
    } else if (test?.hasSubtests !== true && !(test?.assertions === 0 && test.skips > 0)) {
      this.#passed++;
    }
  }

  #countAssertion(point: TestPoint): void {
    const test = this.#open.get(point.depth - 1);
    if (point.skipReason !== undefined) {
      this.#skipped.push({ title: point.title, reason: point.skipReason });
      if (test !== undefined) {
        test.skips++;
      }
    } else if (test !== undefined) {
      test.assertions++;
    } else if (point.ok) {
      this.#passed++;
    } else {
      this.#failed++;
    }
  }
}

function depthOf(indentation: string | undefined): number {
  return Math.floor((indentation?.length ?? 0) / INDENT);
}

function parseTestPoint(line: string): TestPoint | undefined {
  const match = TEST_POINT.exec(line);
  if (match === null) {
    return undefined;
  }
  const opensBraces = line.endsWith(' {');
  const text = (match[3] ?? '').replace(/ \{$/, '').replace(/ # time=[\d.]+m?s$/, '');
  const directive = DIRECTIVE.exec(text);
  return {
    depth: depthOf(match[1]),
    ok: match[2] === undefined,
    title: text.replace(DIRECTIVE, ''),
    ...(directive === null ? {} : { skipReason: directive[1] ?? '' }),
    opensBraces,
  };
}
