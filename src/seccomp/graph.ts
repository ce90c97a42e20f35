/**
 * The program before it has addresses: a directed acyclic graph of loads, tests and returns. Equal nodes are one node,
 * so common tails and returns of all system calls are shared without a search for them.
 */
import { assert } from '../base/assert.ts';

/** Index of a node in its graph. Successors always have smaller indices. */
export type NodeId = number;

export interface ReturnNode {
  readonly kind: 'return';
  readonly value: number;
}

/** Loads the word at `offset` of `seccomp_data` into the accumulator. */
export interface LoadNode {
  readonly kind: 'load';
  readonly offset: number;
  readonly next: NodeId;
}

export type TestKind = 'eq' | 'ge' | 'set';

/** Compares the accumulator with `k`. */
export interface TestNode {
  readonly kind: 'test';
  readonly test: TestKind;
  readonly k: number;
  readonly yes: NodeId;
  readonly no: NodeId;
}

export type GraphNode = ReturnNode | LoadNode | TestNode;

/** Nodes of one program, each at most once. */
export class DecisionGraph {
  readonly #nodes: GraphNode[] = [];
  readonly #ids = new Map<string, NodeId>();

  get size(): number {
    return this.#nodes.length;
  }

  node(id: NodeId): GraphNode {
    const node = this.#nodes[id];
    assert(node !== undefined, `no graph node ${id}`);
    return node;
  }

  addReturn(value: number): NodeId {
    return this.#intern(`r${value}`, { kind: 'return', value });
  }

  /** A load for nothing is left out. */
  addLoad(offset: number, next: NodeId): NodeId {
    if (this.node(next).kind !== 'test') {
      return next;
    }
    return this.#intern(`l${offset},${next}`, { kind: 'load', offset, next });
  }

  /** A test whose ways lead to the same place is that place. */
  addTest(test: TestKind, k: number, yes: NodeId, no: NodeId): NodeId {
    return yes === no
      ? yes
      : this.#intern(`${test}${k},${yes},${no}`, { kind: 'test', test, k, yes, no });
  }

  successors(id: NodeId): readonly NodeId[] {
    const node = this.node(id);
    switch (node.kind) {
      case 'return':
        return [];
      case 'load':
        return [node.next];
      case 'test':
        return [node.yes, node.no];
    }
  }

  /** Adds everything that can be reached from a node to `into`. @returns how many nodes that were not in it. */
  collect(root: NodeId, into: Set<NodeId>): number {
    const before = into.size;
    const stack = [root];
    for (let id = stack.pop(); id !== undefined; id = stack.pop()) {
      if (!into.has(id)) {
        into.add(id);
        stack.push(...this.successors(id));
      }
    }
    return into.size - before;
  }

  #intern(key: string, node: GraphNode): NodeId {
    const known = this.#ids.get(key);
    if (known !== undefined) {
      return known;
    }
    const id = this.#nodes.push(node) - 1;
    this.#ids.set(key, id);
    return id;
  }
}
