// NumPy .npy files, plain or gzipped, to flat typed arrays in C order and back.
//
// Source: numpy/lib/format.py (magic, version, header length, Python dict literal, data).
import { HillockError } from '../../domain/errors.ts'
import { numberTypes } from './arrays.ts'
import { unzipped } from './unpack.ts'

const types = { b1: Uint8Array, ...numberTypes } as const

type NpyType = keyof typeof types
export type NpyArray = InstanceType<(typeof types)[NpyType]>

export interface Npy {
  /** C order: the last axis of `shape` is fastest. A file of axes z, y, x is thus a volume with x fastest. */
  readonly data: NpyArray
  /** As written in the file. */
  readonly shape: readonly number[]
  readonly dtype: NpyType
}

const MAGIC = Buffer.from('\x93NUMPY', 'latin1')

/**
 * Reads `.npy` or `.npy.gz` bytes of any byte order, C or Fortran order (which is transposed).
 * @throws HillockError BadTileError that names the file and says what is wrong.
 */
export function readNpy(bytes: Uint8Array, name: string): Npy {
  const bad = (why: string): HillockError => new HillockError('BadTileError', `${name}: ${why}`, { tile: name })
  const file = unzipped(bytes, bad)
  const { descr, fortran, shape, start: end } = npyHeader(file, bad)

  const order = descr[0]!
  const code = descr.slice(1) as NpyType
  const Type = types[code]
  if (!Type)
    throw bad(
      code.startsWith('O')
        ? 'holds pickled Python objects, which are not read'
        : `has data type ${descr}, which is not read`,
    )
  const length = shape.reduce((n, s) => n * s, 1)
  const size = length * Type.BYTES_PER_ELEMENT
  if (file.length - end < size) throw bad(`is truncated: ${file.length - end} bytes of data instead of ${size}`)
  if (file.length - end > size) throw bad(`has ${file.length - end} bytes of data, its header says ${size}`)
  // Not `slice`: of a Buffer that is a view.
  const own = new Uint8Array(file.subarray(end))
  if (order === '>') swap(own, Type.BYTES_PER_ELEMENT)
  const data = new Type(own.buffer as ArrayBuffer)
  return { data: fortran ? transpose(data, shape) : data, shape, dtype: code }
}

export interface NpyHeader {
  /** Byte order and type, as `<u2`. */
  readonly descr: string
  readonly fortran: boolean
  readonly shape: readonly number[]
  /** Where the data begins. */
  readonly start: number
}

/** Header of a file of which `file` holds at least the beginning. @throws what `bad` makes of the reason */
export function npyHeader(file: Uint8Array, bad: (why: string) => HillockError): NpyHeader {
  if (file.length === 0) throw bad('is empty')
  if (file.length < 12 || MAGIC.compare(file, 0, 6) !== 0) throw bad('is not a .npy file')
  const version = file[6]!
  if (version < 1 || version > 3) throw bad(`has .npy version ${version}, known are 1 to 3`)
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength)
  const at = version === 1 ? 10 : 12
  const start = at + (version === 1 ? view.getUint16(8, true) : view.getUint32(8, true))
  if (start > file.length) throw bad('is truncated in its header')
  return { ...parseHeader(Buffer.from(file.subarray(at, start)).toString('latin1'), bad), start }
}

function parseHeader(
  text: string,
  bad: (why: string) => HillockError,
): { descr: string; fortran: boolean; shape: number[] } {
  if (/'descr'\s*:\s*\[/.test(text)) throw bad('holds records (a structured data type), which are not read')
  const descr = /'descr'\s*:\s*'([<>|=]\w+)'/.exec(text)?.[1]
  const fortran = /'fortran_order'\s*:\s*(True|False)/.exec(text)?.[1]
  const shape = /'shape'\s*:\s*\(([\d\s,]*)\)/.exec(text)?.[1]
  if (descr === undefined || fortran === undefined || shape === undefined)
    throw bad(`has a header that cannot be read: ${text.trim()}`)
  const axes = shape.split(',').filter(s => s.trim() !== '')
  return { descr, fortran: fortran === 'True', shape: axes.map(Number) }
}

/** Reverses the bytes of values of so many. */
export function swap(bytes: Uint8Array, size: number): void {
  const b = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (size === 2) b.swap16()
  else if (size === 4) b.swap32()
  else if (size === 8) b.swap64()
}

/** Fortran order (first axis fastest) to C order (last axis fastest). */
function transpose<T extends NpyArray>(from: T, shape: readonly number[]): T {
  const to = from.slice() as T
  const n = shape.length
  const stride = shape.map((_, a) => shape.slice(0, a).reduce((p, s) => p * s, 1))
  const at = Array.from({ length: n }, () => 0)
  let source = 0
  for (let i = 0; i < to.length; i++) {
    to[i] = from[source]!
    for (let a = n - 1; a >= 0; a--) {
      source += stride[a]!
      if (++at[a]! < shape[a]!) break
      source -= stride[a]! * shape[a]!
      at[a] = 0
    }
  }
  return to
}

/** What stands before the data of a `.npy` of version 1.0, little-endian; in C order the last axis of `shape` is fastest. */
export function npyPrefix(code: Exclude<NpyType, 'b1'>, shape: readonly number[], fortran = false): Buffer {
  const descr = `${types[code].BYTES_PER_ELEMENT === 1 ? '|' : '<'}${code}`
  const axes = shape.length === 1 ? `${shape[0]},` : shape.join(', ')
  const text = `{'descr': '${descr}', 'fortran_order': ${fortran ? 'True' : 'False'}, 'shape': (${axes}), }`
  const padded = `${text.padEnd(Math.ceil((11 + text.length) / 64) * 64 - 11)}\n`
  const length = Buffer.alloc(2)
  length.writeUInt16LE(padded.length)
  return Buffer.concat([MAGIC, Buffer.from([1, 0]), length, Buffer.from(padded, 'latin1')])
}

/** `.npy` in C order. */
export function writeNpy(data: NpyArray, shape: readonly number[]): Uint8Array {
  const code = (Object.keys(numberTypes) as (keyof typeof numberTypes)[]).find(t => data instanceof numberTypes[t])!
  return Buffer.concat([npyPrefix(code, shape), new Uint8Array(data.buffer, data.byteOffset, data.byteLength)])
}
