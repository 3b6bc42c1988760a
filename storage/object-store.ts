// The object store as the rest of Hillock sees it: immutable objects by key, and refs changed by compare-and-swap.

/**
 * One call as its caller repeats it: every repetition carries the same object, so that a store whose answer got lost can tell what an
 * earlier repetition wrote from what somebody else did.
 */
export interface Attempts {
  readonly id: string
  /** True from the second attempt on. */
  again: boolean
}

/**
 * Keys are segments of letters, digits and `_ . : + = @ - ~`, joined by `/`; a segment never starts with a dot. Keys under `refs/` name refs, all others
 * name immutable objects. Every method throws TypeError for a key that is not one, HillockError StoreError when the store fails,
 * StoreRefused when trying again would not help.
 */
export interface ObjectStore {
  /** Where it is, with scheme: `file:///...`, `gs://...`. */
  readonly url: string
  /** Whole object, or undefined when there is none. The array owns its buffer from offset 0, so typed arrays can be laid over it. */
  get(key: string, options?: { signal?: AbortSignal }): Promise<Uint8Array<ArrayBuffer> | undefined>
  /** Bytes `offset .. offset+length`, fewer where the object ends before. */
  getRange(key: string, offset: number, length: number): Promise<Uint8Array<ArrayBuffer> | undefined>
  size(key: string): Promise<number | undefined>
  /** Writes the whole object, or nothing: no reader ever sees a part. `exists` leaves what is there, whatever its bytes. */
  putIfAbsent(key: string, bytes: Uint8Array, attempts?: Attempts): Promise<'created' | 'exists'>
  readRef(key: string): Promise<{ value: string; version: string } | undefined>
  /** Sets a ref whose version is still `expected` (undefined: that does not exist yet); false when it is not. */
  swapRef(key: string, expected: string | undefined, value: string, attempts?: Attempts): Promise<boolean>
  /** Deletes an object, for garbage collection alone: whoever calls it knows that nothing names it. What is not there is as good as removed. Never a ref. */
  remove(key: string): Promise<void>
  /** Keys of objects and refs that start with `prefix`, in code-unit order; with `after` only those that follow it. */
  list(prefix: string, after?: string): AsyncIterable<string>
}
