/** Medians and spreads. */

/** The middle value; of two middle values the upper. NaN of none. */
export function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}

/** What repeated measurements of one figure say. */
export interface Summary {
  readonly median: number;
  readonly min: number;
  readonly max: number;
  /** (max - min) / median, in percent. */
  readonly spreadPercent: number;
  readonly values: readonly number[];
}

export function summarize(values: readonly number[]): Summary {
  const middle = median(values);
  const min = Math.min(...values);
  const max = Math.max(...values);
  return { median: middle, min, max, spreadPercent: ((max - min) / middle) * 100, values };
}

/** A value and when it was measured, seconds. */
export interface Point {
  readonly seconds: number;
  readonly value: number;
}

/**
 * How much a value grows from the first point to the last, by the straight line that fits all of them best.
 *
 * @returns slope times duration, in the value's unit; NaN of fewer than three points, which any line fits.
 */
export function fittedGrowth(points: readonly Point[]): number {
  if (points.length < 3) {
    return Number.NaN;
  }
  const mean = (pick: (point: Point) => number): number =>
    points.reduce((sum, point) => sum + pick(point), 0) / points.length;
  const meanSeconds = mean(({ seconds }) => seconds);
  const meanValue = mean(({ value }) => value);
  const covariance = mean(({ seconds, value }) => (seconds - meanSeconds) * (value - meanValue));
  const variance = mean(({ seconds }) => (seconds - meanSeconds) ** 2);
  const times = points.map(({ seconds }) => seconds);
  return (covariance / variance) * (Math.max(...times) - Math.min(...times));
}
