// The memory behind a value that goes from one thread to another.

/** Buffers of the arrays in `value`, at any depth, each once. */
export function buffersOf(value: unknown, into: Set<ArrayBuffer> = new Set()): Set<ArrayBuffer> {
  if (ArrayBuffer.isView(value)) {
    if (value.buffer instanceof ArrayBuffer && value.byteLength > 0) into.add(value.buffer)
  } else if (Array.isArray(value)) for (const v of value) buffersOf(v, into)
  else if (value !== null && typeof value === 'object') for (const v of Object.values(value)) buffersOf(v, into)
  return into
}
