// A stack of grey slices in a .npy or .npy.gz of any size, read slice by slice.
import { open, unlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { randomUUID } from 'node:crypto'
import { pipeline } from 'node:stream/promises'
import { createGunzip } from 'node:zlib'
import { configError, HillockError } from '../../domain/errors.ts'
import { readAt } from '../files/regular.ts'
import { inputs, type Input } from '../foreign/inputs.ts'
import type { ReadAt } from './tiff.ts'
import { npyHeader, readNpy } from './npy.ts'
import { isGzip } from './unpack.ts'

export interface NpySlices {
  readonly width: number
  readonly height: number
  readonly count: number
  /** 16 bits per sample. */
  readonly deep: boolean
  /** Grey values of slice z, x fastest. */
  slice(z: number): Promise<Uint8Array | Uint16Array>
  close(): Promise<void>
}

/** Whether a file that begins so is a .npy, or packed and perhaps one. */
export const isNpy = (head: Uint8Array): boolean =>
  Buffer.from(head).toString('latin1', 1, 6) === 'NUMPY' || isGzip(head)

/** Fortran order keeps no slice together, so that such a file is turned in memory. */
const TURNED_BYTES = 2 ** 30

/**
 * Opens a stack of uint8 or uint16, axes z, y, x. A gzipped one is unpacked once, into a nameless temporary file.
 * @throws HillockError ConfigError that names the file and says what is wrong with it
 */
export async function openNpySlices(file: string, files = inputs()): Promise<NpySlices> {
  const bad = (why: string): HillockError => configError(`source.stack: ${file} ${why}`)
  const packed = await files.open(file, 'ConfigError')
  const input = isGzip(await packed.read(0, 2))
    ? await unpacked(file, packed, bad).finally(() => packed.close())
    : packed
  try {
    const { descr, fortran, shape, start } = npyHeader(await input.read(0, 1 << 16), bad)
    const width = /^.u([12])$/.exec(descr)?.[1]
    if (!width || shape.length !== 3)
      throw bad(`holds ${descr.replace(/^[|<>=]/, '')} of ${shape.length} axes; EM is uint8 or uint16 of axes z, y, x`)
    if (shape.includes(0)) throw bad(`holds no voxel: its shape is ${shape.join(' x ')}`)
    const size = Number(width)
    const n = shape[1]! * shape[2]! * size
    const there = (await input.size()) - start
    if (there !== n * shape[0]!)
      throw bad(
        `${there < n * shape[0]! ? 'is truncated: it ' : ''}has ${there} bytes of data, its header says ${n * shape[0]!}`,
      )
    if (fortran && there > TURNED_BYTES)
      throw bad('is in Fortran order and above 1 GiB: save it in C order (numpy.ascontiguousarray)')
    const turned = fortran ? readNpy(await input.read(0, start + there), file).data : undefined
    return {
      width: shape[2]!,
      height: shape[1]!,
      count: shape[0]!,
      deep: size === 2,
      async slice(z) {
        const part = (n / size) * z
        if (turned) return turned.slice(part, part + n / size) as Uint8Array | Uint16Array
        const bytes = await input.read(start + z * n, n)
        if (bytes.length < n) throw bad(`ends within slice ${z}: it has changed since it was opened`)
        if (size === 1) return bytes
        const own = Buffer.from(bytes)
        if (descr[0] === '>') own.swap16()
        return new Uint16Array(new Uint8Array(own).buffer)
      },
      close: () => input.close(),
    }
  } catch (e) {
    await input.close()
    throw e
  }
}

/** Read at a time from what is unpacked. */
const PART = 8 << 20

async function* parts(read: ReadAt): AsyncGenerator<Uint8Array> {
  for (let at = 0; ; at += PART) {
    const part = await read(at, PART)
    yield part
    if (part.length < PART) return
  }
}

/** The unpacked bytes; their file has no name any more, and goes with the process. */
async function unpacked(file: string, packed: Input, bad: (why: string) => HillockError): Promise<Input> {
  const name = join(tmpdir(), `hillock-${randomUUID()}.npy`)
  const handle = await open(name, 'wx+')
  try {
    await unlink(name)
    await pipeline(parts(packed.read), createGunzip(), async chunks => {
      for await (const chunk of chunks) await handle.write(chunk as Uint8Array)
    })
    return {
      read: (at, n) => readAt(handle, at, n),
      size: async () => (await handle.stat()).size,
      close: () => handle.close(),
    }
  } catch (e) {
    await handle.close()
    const { code, message } = e as NodeJS.ErrnoException
    if (code?.startsWith('Z_') || /unexpected end/.test(message))
      throw bad(`is a truncated or damaged gzip file (${message})`)
    throw new HillockError('StoreError', `${file} cannot be unpacked to ${tmpdir()}: ${message}`)
  }
}
