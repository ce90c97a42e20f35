/**
 * Shared memory through which the main thread steers vCPU workers, and reads what they count.
 *
 * One block of 32-bit words per vCPU, on cache lines of its own:
 *
 * | word | writer      | content                                             |
 * | ---- | ----------- | --------------------------------------------------- |
 * | 0    | main thread | wanted state: starting (nothing yet), run, pause, stop |
 * | 1    | worker      | present state                                       |
 * | 2    | worker      | thread id, 0 until the worker may be kicked         |
 * | 16…  | worker      | exits by KVM_EXIT reason, as wrapping counters      |
 *
 * Behind the last vCPU's come the words of `PublishedPorts`, which the machine thread writes and all vCPUs read.
 */
import { PUBLISHED_PORTS_BYTES, PublishedPorts } from '../ipc/published-ports.ts';

export const VcpuState = { Run: 0, Pause: 1, Stop: 2, Starting: 3 } as const;
export type VcpuState = (typeof VcpuState)[keyof typeof VcpuState];

const WORDS_PER_VCPU = 64;
const WANTED = 0;
const PRESENT = 1;
const THREAD_ID = 2;
const COUNTERS = 16;
/** Exit reasons at or above this are counted together. */
export const COUNTED_EXIT_REASONS = WORDS_PER_VCPU - COUNTERS;

/** How long a kick is waited for before it is sent again, in milliseconds. */
const KICK_INTERVAL_MS = 10;

/** One vCPU's words. */
export class VcpuControl {
  readonly #words: Int32Array;
  /** What port reads give that need no answer of the machine thread. */
  readonly publishedPorts: PublishedPorts;

  constructor(buffer: SharedArrayBuffer, index: number) {
    this.#words = new Int32Array(buffer, index * WORDS_PER_VCPU * 4, WORDS_PER_VCPU);
    this.publishedPorts = VcpuControl.publishedPorts(buffer);
  }

  /** The ports' words of a block that {@link allocate} has made. */
  static publishedPorts(buffer: SharedArrayBuffer): PublishedPorts {
    return new PublishedPorts(buffer, buffer.byteLength - PUBLISHED_PORTS_BYTES);
  }

  static allocate(vcpuCount: number): SharedArrayBuffer {
    const buffer = new SharedArrayBuffer(vcpuCount * WORDS_PER_VCPU * 4 + PUBLISHED_PORTS_BYTES);
    for (let index = 0; index < vcpuCount; index++) {
      const words = new Int32Array(buffer, index * WORDS_PER_VCPU * 4, WORDS_PER_VCPU);
      words[PRESENT] = VcpuState.Starting;
      words[WANTED] = VcpuState.Starting;
    }
    return buffer;
  }

  get wanted(): number {
    return Atomics.load(this.#words, WANTED);
  }

  get present(): number {
    return Atomics.load(this.#words, PRESENT);
  }

  get threadId(): number {
    return Atomics.load(this.#words, THREAD_ID);
  }

  /** Worker: may be kicked from now on. */
  setThreadId(threadId: number): void {
    Atomics.store(this.#words, THREAD_ID, threadId);
  }

  /** Worker: says what it does now, and wakes whoever waits for that. */
  setPresent(state: VcpuState): void {
    Atomics.store(this.#words, PRESENT, state);
    Atomics.notify(this.#words, PRESENT);
  }

  /** Worker: sleeps until it has been given a vCPU, or is to stop. */
  waitWhileStarting(): void {
    while (this.wanted === VcpuState.Starting) {
      Atomics.wait(this.#words, WANTED, VcpuState.Starting);
    }
  }

  /** Worker: sleeps while a pause is wanted. */
  waitWhilePaused(): void {
    while (this.wanted === VcpuState.Pause) {
      Atomics.wait(this.#words, WANTED, VcpuState.Pause);
    }
  }

  /** Worker: counts one exit. */
  countExit(reason: number): void {
    const slot = COUNTERS + Math.min(reason, COUNTED_EXIT_REASONS - 1);
    this.#words[slot] = (this.#words[slot] ?? 0) + 1;
  }

  exitCount(reason: number): number {
    return (this.#words[COUNTERS + reason] ?? 0) >>> 0;
  }

  /** Main thread: asks for a state. The vCPU still has to be kicked out of the guest. */
  setWanted(state: VcpuState): void {
    // A vCPU that is to stop must not be talked back into running.
    if (this.wanted !== VcpuState.Stop) {
      Atomics.store(this.#words, WANTED, state);
      Atomics.notify(this.#words, WANTED);
    }
  }

  /**
   * Main thread: waits until the worker is in a state, or has ended, kicking it until it is.
   *
   * @param kick interrupts the worker's thread; called with its thread id.
   * @returns false when the time was up first.
   */
  async waitForState(
    state: VcpuState,
    kick: (threadId: number) => void,
    timeoutMs: number,
  ): Promise<boolean> {
    const deadline = performance.now() + timeoutMs;
    for (
      let present = this.present;
      present !== state && present !== VcpuState.Stop;
      present = this.present
    ) {
      if (performance.now() > deadline) {
        return false;
      }
      if (this.threadId !== 0) {
        kick(this.threadId);
      }
      const wait = Atomics.waitAsync(this.#words, PRESENT, present, KICK_INTERVAL_MS);
      await wait.value;
    }
    return true;
  }
}
