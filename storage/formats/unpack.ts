// What gzip and zstd packed, unpacked by Node into one piece of memory: without a hint of its size it grows by small ones that are joined.
import { gunzipSync, zstdDecompressSync } from 'node:zlib'

type Bytes = Uint8Array<ArrayBuffer>

const MOST = 1 << 28
/** Room for so many bytes, and one more: unpacking ends where room is left. */
const room = (size: number, packed: number): { chunkSize: number } => ({
  chunkSize: Math.max(64, Math.min(size, 1024 * packed, MOST)) + 1,
})
/** Buffers that hold one result each. */
const own = new WeakSet<ArrayBuffer>()

/** Small results of Node may lie anywhere in a larger buffer. */
function aligned(bytes: Bytes): Bytes {
  if (bytes.byteOffset % 8 !== 0) return new Uint8Array(bytes)
  if (bytes.buffer.byteLength <= bytes.length + 1) own.add(bytes.buffer)
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length)
}

/** Frees what was unpacked here at once, where nobody reads it any more: the collector of garbage comes later, and at a price. Leaves other memory alone. */
export const discard = ({ buffer }: ArrayBufferView<ArrayBuffer>): void => void (own.has(buffer) && buffer.transfer(0))

export const isGzip = (bytes: Uint8Array): boolean => bytes[0] === 0x1f && bytes[1] === 0x8b

/** Unpacked where it is gzip. @throws what `bad` makes of the reason, for a damaged one */
export function unzipped<T extends Uint8Array>(bytes: T, bad: (why: string) => Error): T | Bytes {
  try {
    return isGzip(bytes) ? gunzip(bytes) : bytes
  } catch (e) {
    throw bad(`is a truncated or damaged gzip file (${(e as Error).message})`)
  }
}

/** @throws Error for what is not gzip, or damaged */
export function gunzip(bytes: Uint8Array): Bytes {
  // The last four bytes are the size.
  const size =
    bytes.length < 18 ? 0 : new DataView(bytes.buffer, bytes.byteOffset + bytes.length - 4).getUint32(0, true)
  return aligned(gunzipSync(bytes, room(size, bytes.length)))
}

/** @throws Error for what is not zstd, or damaged */
export const unzstd = (bytes: Uint8Array): Bytes =>
  aligned(zstdDecompressSync(bytes, room(contentSize(bytes), bytes.length)))

/** Size of a zstd frame as its header says it (RFC 8878, 3.1.1.1); 0 where it does not. */
function contentSize(bytes: Uint8Array): number {
  if (bytes.length < 14) return 0
  const [flag, single, dictionary] = [bytes[4]! >> 6, (bytes[4]! >> 5) & 1, bytes[4]! & 3]
  const at = 5 + (1 - single) + [0, 1, 2, 4][dictionary]!
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (flag === 0) return single ? bytes[at]! : 0
  return flag === 1 ? view.getUint16(at, true) + 256 : view.getUint32(at, true)
}
