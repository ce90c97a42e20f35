/**
 * The plain way: rules in the order of the text, each comparison by itself, nothing shared but the verdicts. It is what
 * the optimised program is compared with, and what is left for formulas with too many cases to tell apart.
 */
import { argumentOffset } from './bpf.ts';
import type { Formula } from './formula.ts';
import type { DecisionGraph, NodeId } from './graph.ts';
import { highWord, type Literal, lowWord, type TestOp } from './literal.ts';

/** Adds a formula to the graph; its size is proportional to the formula's. @returns its entry. */
export function addLinear(graph: DecisionGraph, formula: Formula): NodeId {
  let fallThrough = graph.addReturn(formula.otherwise);
  for (const { clauses, verdict } of [...formula.branches].reverse()) {
    const matched = graph.addReturn(verdict);
    for (const clause of [...clauses].reverse()) {
      const failed = fallThrough;
      fallThrough = clause.reduceRight<NodeId>(
        (next, literal) => addLiteral(graph, literal, next, failed),
        matched,
      );
    }
  }
  return fallThrough;
}

function addLiteral(graph: DecisionGraph, literal: Literal, yes: NodeId, no: NodeId): NodeId {
  if (literal.kind === 'word') {
    const { word, op, value } = literal;
    return graph.addLoad(wordOffset(word), addWordTest(graph, op, value, yes, no));
  }
  const { arg, op, high, low } = literal;
  const half = (
    word: number,
    test: TestOp,
    value: number,
    then: NodeId,
    otherwise: NodeId,
  ): NodeId => graph.addLoad(wordOffset(word), addWordTest(graph, test, value, then, otherwise));
  switch (op) {
    case 'eq':
      return half(highWord(arg), 'eq', high, half(lowWord(arg), 'eq', low, yes, no), no);
    case 'any':
      return half(highWord(arg), 'any', high, yes, half(lowWord(arg), 'any', low, yes, no));
    case 'lt': {
      const equal = half(lowWord(arg), 'lt', low, yes, no);
      const notAbove = addWordTest(graph, 'eq', high, equal, yes);
      return graph.addLoad(wordOffset(highWord(arg)), addGreater(graph, high, no, notAbove));
    }
    case 'ne':
      return addLiteral(graph, { ...literal, op: 'eq' }, no, yes);
    case 'none':
      return addLiteral(graph, { ...literal, op: 'any' }, no, yes);
    case 'ge':
      return addLiteral(graph, { ...literal, op: 'lt' }, no, yes);
  }
}

/** `A > value`, by `>=`: nothing is greater than the largest word. */
function addGreater(graph: DecisionGraph, value: number, yes: NodeId, no: NodeId): NodeId {
  return value === 0xffff_ffff ? no : graph.addTest('ge', value + 1, yes, no);
}

function addWordTest(
  graph: DecisionGraph,
  op: TestOp,
  value: number,
  yes: NodeId,
  no: NodeId,
): NodeId {
  switch (op) {
    case 'eq':
      return graph.addTest('eq', value, yes, no);
    case 'ne':
      return graph.addTest('eq', value, no, yes);
    case 'ge':
      return graph.addTest('ge', value, yes, no);
    case 'lt':
      return graph.addTest('ge', value, no, yes);
    case 'any':
      return graph.addTest('set', value, yes, no);
    case 'none':
      return graph.addTest('set', value, no, yes);
  }
}

/** Offset in `seccomp_data` of an argument word. */
export function wordOffset(word: number): number {
  return argumentOffset(word >> 1, word % 2 === 1 ? 'high' : 'low');
}
