/**
 * Gives a graph addresses. Jumps of classic BPF only go forward, and conditional ones by at most 255 instructions, so
 * the program is laid out from its end: when a node is placed, all that it can jump to already is.
 */
import { assert } from '../base/assert.ts';
import {
  BPF_JEQ,
  BPF_JGE,
  BPF_JMP,
  BPF_JSET,
  BPF_K,
  type Instruction,
  JUMP_ALWAYS,
  LOAD_WORD,
  RETURN_CONSTANT,
} from './bpf.ts';
import type { DecisionGraph, NodeId, TestKind } from './graph.ts';

const JUMP_MAX = 255;

const TEST_CODES: Readonly<Record<TestKind, number>> = {
  eq: BPF_JMP | BPF_JEQ | BPF_K,
  ge: BPF_JMP | BPF_JGE | BPF_K,
  set: BPF_JMP | BPF_JSET | BPF_K,
};

/** Lays out everything that can be reached from `root`, which becomes the first instruction. */
export function layOut(graph: DecisionGraph, root: NodeId): readonly Instruction[] {
  const layout = new Layout(graph);
  for (const id of unitsInReverse(graph, root)) {
    layout.place(id);
  }
  return layout.finish();
}

/**
 * All nodes, successors before predecessors, except tests that a load leads to: they are placed together with that
 * load, right behind it. A test has at most one load before it, because equal loads are one node, and nothing that
 * comes before the test can come after the load, whose only successor the test is.
 */
function unitsInReverse(graph: DecisionGraph, root: NodeId): readonly NodeId[] {
  const reachable = new Set<NodeId>();
  graph.collect(root, reachable);
  const loadBefore = new Map<NodeId, NodeId>();
  for (const id of reachable) {
    const node = graph.node(id);
    if (node.kind === 'load') {
      loadBefore.set(node.next, id);
    }
  }
  const order: NodeId[] = [];
  const done = new Set<NodeId>();
  // Depth first without recursion: a chain may have thousands of nodes.
  const stack: { readonly id: NodeId; readonly expanded: boolean }[] = [
    { id: root, expanded: false },
  ];
  for (let top = stack.pop(); top !== undefined; top = stack.pop()) {
    const unit = loadBefore.get(top.id) ?? top.id;
    if (done.has(unit)) {
      continue;
    }
    if (top.expanded) {
      done.add(unit);
      order.push(unit);
      continue;
    }
    stack.push({ id: unit, expanded: true });
    for (const next of unitSuccessors(graph, unit)) {
      stack.push({ id: next, expanded: false });
    }
  }
  return order;
}

function unitSuccessors(graph: DecisionGraph, unit: NodeId): readonly NodeId[] {
  const node = graph.node(unit);
  return node.kind === 'load' ? graph.successors(node.next) : graph.successors(unit);
}

/** Instructions from the last to the first, and where each node ended up, counted from the end. */
class Layout {
  readonly #graph: DecisionGraph;
  readonly #reversed: Instruction[] = [];
  /** The nearest copy of a node: how many instructions lie from it to the end, itself included. */
  readonly #positions = new Map<NodeId, number>();

  constructor(graph: DecisionGraph) {
    this.#graph = graph;
  }

  finish(): readonly Instruction[] {
    return this.#reversed.reverse();
  }

  /** Places a node, and with a load the test behind it. */
  place(id: NodeId): void {
    const node = this.#graph.node(id);
    switch (node.kind) {
      case 'return':
        this.#emit(id, { code: RETURN_CONSTANT, jt: 0, jf: 0, k: node.value });
        return;
      case 'load':
        this.#placeLoaded(node.next);
        this.#emit(id, { code: LOAD_WORD, jt: 0, jf: 0, k: node.offset });
        return;
      case 'test':
        this.#bringNear(node.yes, node.no);
        this.#emit(id, {
          code: TEST_CODES[node.test],
          jt: this.#distance(node.yes),
          jf: this.#distance(node.no),
          k: node.k,
        });
        return;
    }
  }

  /** What follows a load must be right behind it. */
  #placeLoaded(next: NodeId): void {
    if (this.#positions.get(next) !== this.#reversed.length) {
      if (this.#positions.has(next)) {
        this.#emit(next, { code: JUMP_ALWAYS, jt: 0, jf: 0, k: this.#distance(next) });
      } else {
        this.place(next);
      }
    }
  }

  #emit(id: NodeId, instruction: Instruction): void {
    this.#reversed.push(instruction);
    this.#positions.set(id, this.#reversed.length);
  }

  /** Instructions to skip from an instruction that is placed next. */
  #distance(id: NodeId): number {
    const position = this.#positions.get(id);
    assert(position !== undefined, `graph node ${id} is used before it is placed`);
    return this.#reversed.length - position;
  }

  /** Copies targets that are too far away to here: a return as such, anything else as a jump. */
  #bringNear(yes: NodeId, no: NodeId): void {
    // Each copy moves the other target one further away, so either may need a second look.
    for (const id of [yes, no, yes]) {
      if (this.#distance(id) > JUMP_MAX) {
        const node = this.#graph.node(id);
        const copy =
          node.kind === 'return'
            ? { code: RETURN_CONSTANT, jt: 0, jf: 0, k: node.value }
            : { code: JUMP_ALWAYS, jt: 0, jf: 0, k: this.#distance(id) };
        this.#emit(id, copy);
      }
    }
  }
}
