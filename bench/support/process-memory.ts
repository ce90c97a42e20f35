/** Memory of a process and its descendants, from /proc. */
import { readdirSync, readFileSync } from 'node:fs';

/** KiB of one process, without guest memory. */
export interface ProcessMemory {
  readonly pid: number;
  readonly name: string;
  /** What would be free if only this process ended. */
  readonly privateKib: number;
  /** Its share of everything that it maps. */
  readonly pssKib: number;
  /** Its share of the memfds that it maps: guest memory, and pages that it shares with its devices. */
  readonly memfdPssKib: number;
}

const MAPPING = /^[0-9a-f]+-[0-9a-f]+ \S+ \S+ \S+ \S+ *(.*)$/;

function readProc(pid: number, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch {
    return ''; // It has ended meanwhile.
  }
}

/** Reads smaps; mappings of a memfd are counted by themselves, because guest memory is one in every VMM measured. */
export function processMemory(pid: number): ProcessMemory {
  let counted = true;
  let privateKib = 0;
  let pssKib = 0;
  let memfdPssKib = 0;
  for (const line of readProc(pid, 'smaps').split('\n')) {
    const mapping = MAPPING.exec(line);
    if (mapping !== null) {
      counted = !(mapping[1] ?? '').startsWith('/memfd:');
      continue;
    }
    const [key, value] = line.split(/\s+/);
    if (!counted || value === undefined) {
      memfdPssKib += key === 'Pss:' ? Number(value) : 0;
      continue;
    }
    if (key === 'Pss:') {
      pssKib += Number(value);
    } else if (key === 'Private_Clean:' || key === 'Private_Dirty:') {
      privateKib += Number(value);
    }
  }
  return { pid, name: readProc(pid, 'comm').trim(), privateKib, pssKib, memfdPssKib };
}

function parentOf(pid: number): number {
  // The name is in parentheses and may hold anything; the parent is the second field after it.
  return Number(readProc(pid, 'stat').split(') ').pop()?.split(' ')[1] ?? 0);
}

/** A process and all below it, itself first. */
export function processTree(root: number): number[] {
  const all = readdirSync('/proc')
    .map(Number)
    .filter((pid) => pid > 0);
  const parents = new Map(all.map((pid) => [pid, parentOf(pid)]));
  const tree = [root];
  for (const pid of tree) {
    tree.push(...all.filter((candidate) => parents.get(candidate) === pid));
  }
  return tree;
}
