/** Property checks as assertions of tap. */
import fc from 'fast-check';

/** As much of a tap test as is needed here. */
interface Asserter {
  ok(value: unknown, message: string): unknown;
}

/** Asserts that a property holds; the message of a failure has the smallest counterexample and its seed. */
export function holds<T>(t: Asserter, property: fc.IProperty<T>): void {
  const result = fc.check(property);
  t.ok(!result.failed, fc.defaultReportMessage(result) ?? `holds for ${result.numRuns} cases`);
}
