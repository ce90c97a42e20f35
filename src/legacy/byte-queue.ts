/** A bounded first-in, first-out queue of bytes that never allocates after it was made. */
export class ByteQueue {
  readonly capacity: number;
  readonly #bytes: Uint8Array;
  #head = 0;
  #length = 0;

  constructor(capacity: number) {
    this.capacity = capacity;
    this.#bytes = new Uint8Array(capacity);
  }

  get length(): number {
    return this.#length;
  }

  /** Appends a byte; false when the queue is full. */
  push(byte: number): boolean {
    if (this.#length === this.capacity) {
      return false;
    }
    this.#bytes[(this.#head + this.#length) % this.capacity] = byte;
    this.#length++;
    return true;
  }

  /** The oldest byte, left in the queue; `undefined` when there is none. */
  peek(): number | undefined {
    return this.#length === 0 ? undefined : this.#bytes[this.#head];
  }

  /** Takes the oldest byte; `undefined` when there is none. */
  shift(): number | undefined {
    const byte = this.peek();
    if (byte !== undefined) {
      this.#head = (this.#head + 1) % this.capacity;
      this.#length--;
    }
    return byte;
  }

  clear(): void {
    this.#length = 0;
  }
}
