// Named typed arrays in one byte string: a JSON header, then the arrays, little-endian, each at a multiple of 8 bytes.
//
// Layout: 8 bytes magic "HLKARR1\n", u32 length of the header, header (JSON list of {name, type, length}, padded with
// spaces to a multiple of 8), then the arrays in the order of the header, zero-padded to multiples of 8.

export const numberTypes = {
  u1: Uint8Array,
  u2: Uint16Array,
  u4: Uint32Array,
  u8: BigUint64Array,
  i1: Int8Array,
  i2: Int16Array,
  i4: Int32Array,
  i8: BigInt64Array,
  f4: Float32Array,
  f8: Float64Array,
} as const

type Code = keyof typeof numberTypes
export type NamedArray = InstanceType<(typeof numberTypes)[Code]>

const MAGIC = Buffer.from('HLKARR1\n')
const pad8 = (n: number): number => (n + 7) & ~7
const codeOf = (a: NamedArray): Code => (Object.keys(numberTypes) as Code[]).find(c => a instanceof numberTypes[c])!
const bytesOf = (a: NamedArray): Uint8Array => new Uint8Array(a.buffer, a.byteOffset, a.byteLength)

/** Arrays are stored sorted by name, so that equal content gives equal bytes. */
export function encodeArrays(arrays: Readonly<Record<string, NamedArray>>): Uint8Array<ArrayBuffer> {
  const names = Object.keys(arrays).sort()
  const text = JSON.stringify(names.map(name => ({ name, type: codeOf(arrays[name]!), length: arrays[name]!.length })))
  const header = Buffer.from(text)
  const start = pad8(12 + header.length)
  const out = new Uint8Array(start + names.reduce((n, name) => n + pad8(arrays[name]!.byteLength), 0))
  out.set(MAGIC)
  new DataView(out.buffer).setUint32(8, start - 12, true)
  out.fill(0x20, 12, start)
  out.set(header, 12)
  let at = start
  for (const name of names) {
    out.set(bytesOf(arrays[name]!), at)
    at += pad8(arrays[name]!.byteLength)
  }
  return out
}

/**
 * The arrays by name; views on `bytes` where it is aligned, on a copy where it is not. Name the arrays in the type argument.
 * @throws RangeError when `bytes` is not such a container or is cut short.
 */
export function decodeArrays<T extends Readonly<Record<string, NamedArray>>>(bytes: Uint8Array): T {
  if (bytes.length < 12 || MAGIC.compare(bytes, 0, 8) !== 0) throw new RangeError('not a container of arrays')
  const aligned = bytes.byteOffset % 8 === 0 ? bytes : new Uint8Array(bytes)
  const view = new DataView(aligned.buffer, aligned.byteOffset, aligned.byteLength)
  const start = 12 + view.getUint32(8, true)
  if (start > aligned.length) throw new RangeError('container of arrays is cut short in its header')
  const header = JSON.parse(Buffer.from(aligned.subarray(12, start)).toString()) as {
    name: string
    type: Code
    length: number
  }[]
  const out: [string, NamedArray][] = []
  let at = start
  for (const { name, type, length } of header) {
    const Type = numberTypes[type]
    const size = length * Type.BYTES_PER_ELEMENT
    if (at + size > aligned.length) throw new RangeError(`container of arrays is cut short in ${name}`)
    out.push([name, new Type(aligned.buffer as ArrayBuffer, aligned.byteOffset + at, length)])
    at += pad8(size)
  }
  // Not by assignment: a name may be one of the language's own.
  return Object.fromEntries(out) as T
}
