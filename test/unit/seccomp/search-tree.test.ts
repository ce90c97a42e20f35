import fc from 'fast-check';
import t from 'tap';
import { DecisionGraph, type NodeId } from '../../../src/seccomp/graph.ts';
import { addSearchTree, type WeightedRange } from '../../../src/seccomp/search-tree.ts';

/** Follows the tests for a value. @returns the target and the number of tests. */
function follow(
  graph: DecisionGraph,
  root: NodeId,
  value: number,
): { target: NodeId; tests: number } {
  let id = root;
  let tests = 0;
  for (let node = graph.node(id); node.kind === 'test'; node = graph.node(id)) {
    const holds = node.test === 'eq' ? value === node.k : value >= node.k;
    id = holds ? node.yes : node.no;
    tests++;
  }
  return { target: id, tests };
}

interface Drawn {
  readonly graph: DecisionGraph;
  readonly ranges: readonly WeightedRange[];
}

/** Ranges that start at `starts`, with targets and weights in turn. */
function rangesFrom(
  starts: readonly number[],
  choices: readonly (readonly [number, number])[],
): Drawn {
  const graph = new DecisionGraph();
  const targets = [1, 2, 3].map((value) => graph.addReturn(value));
  const sorted = [...new Set([0, ...starts])].sort((a, b) => a - b);
  const ranges = sorted.map((min, index) => {
    const [target = 0, weight = 1] = choices[index % choices.length] ?? [];
    const max = (sorted[index + 1] ?? 2 ** 32) - 1;
    return { min, max, target: targets[target] ?? 0, weight };
  });
  return { graph, ranges };
}

const choices = fc.array(fc.tuple(fc.nat({ max: 2 }), fc.nat({ max: 100 })), {
  minLength: 1,
  maxLength: 40,
});
const starts = fc.array(fc.oneof(fc.nat({ max: 120 }), fc.nat({ max: 0xffff_ffff })), {
  maxLength: 150,
});

t.test('addSearchTree finds the range of every value, whatever the ranges', async (t) => {
  const outcome = fc.check(
    fc.property(starts, choices, (edges, picked) => {
      const { graph, ranges } = rangesFrom(edges, picked);
      const root = addSearchTree(graph, ranges, { nodeCost: 0.01, exactMax: 40 });
      return ranges.every(({ min, max, target }) =>
        [min, max, Math.floor((min + max) / 2)].every(
          (value) => follow(graph, root, value).target === target,
        ),
      );
    }),
    { numRuns: 100 },
  );
  t.notOk(outcome.failed, fc.defaultReportMessage(outcome) ?? '');
});

t.test(
  'addSearchTree takes one equality test for a single value between equal targets',
  async (t) => {
    const { graph, ranges } = rangesFrom(
      [5, 6],
      [
        [0, 1],
        [1, 1],
        [0, 1],
      ],
    );
    const root = addSearchTree(graph, ranges, { nodeCost: 0.01, exactMax: 40 });
    t.match(graph.node(root), { kind: 'test', test: 'eq', k: 5 });
  },
);

t.test('addSearchTree asks for the heaviest value first', async (t) => {
  const singles = Array.from({ length: 20 }, (_, index) => [2 * index + 1, 2 * index + 2]).flat();
  const { graph, ranges } = rangesFrom(singles, [
    [0, 0],
    [1, 1],
  ]);
  const weighted = ranges.map((range) => ({
    ...range,
    weight: range.min === 21 ? 1000 : range.weight,
  }));
  const root = addSearchTree(graph, weighted, { nodeCost: 0.001, exactMax: 80 });
  t.equal(follow(graph, root, 21).tests, 1);
});

t.test('addSearchTree stays shallow over a thousand ranges', async (t) => {
  const many = Array.from({ length: 1000 }, (_, index) => 3 * index);
  const { graph, ranges } = rangesFrom(many, [
    [0, 1],
    [1, 1],
    [2, 1],
  ]);
  const root = addSearchTree(graph, ranges, { nodeCost: 0.001, exactMax: 80 });
  const depths = many.map((value) => follow(graph, root, value).tests);
  t.ok(Math.max(...depths) <= 14, `${Math.max(...depths)} tests, ten are the least`);
});
