/** Gathers values by figure and side, where one run measures several sides. */
import type { Results } from './rounds.ts';
import { summarize } from './statistics.ts';

export class Collector {
  readonly #values = new Map<string, Map<string, number[]>>();

  add(figure: string, side: string, value: number): void {
    const bySide = this.#values.get(figure) ?? new Map<string, number[]>();
    this.#values.set(figure, bySide);
    const list = bySide.get(side) ?? [];
    bySide.set(side, list);
    list.push(value);
  }

  results(): Results {
    return new Map(
      [...this.#values].map(([figure, bySide]) => [
        figure,
        new Map([...bySide].map(([side, list]) => [side, summarize(list)])),
      ]),
    );
  }
}
