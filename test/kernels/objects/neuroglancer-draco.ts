// Neuroglancer's own decoder of mesh fragments, as an oracle: its WebAssembly module, called as its page calls it.
import { readFileSync } from 'node:fs'

export interface Partitioned {
  readonly positions: Uint32Array
  readonly triangles: Uint32Array
  /** Where in `triangles` each of the eight parts of the node begins, and the end. */
  readonly parts: Uint32Array
}

interface Exports {
  readonly memory: { readonly buffer: ArrayBuffer }
  _initialize(): void
  malloc(n: number): number
  neuroglancer_draco_decode(at: number, size: number, partition: boolean, bits: number, skip: boolean): number
}

/** What the TypeScript libraries in use leave out. */
const { WebAssembly } = globalThis as unknown as {
  WebAssembly: { instantiate(bytes: Uint8Array, imports: object): Promise<{ instance: { exports: object } }> }
}
const file = new URL('../../../node_modules/neuroglancer/lib/mesh/draco/neuroglancer_draco.wasm', import.meta.url)

/** @throws Error with the code that the decoder returns when it refuses the bytes. */
export async function neuroglancerDecoder(): Promise<(bytes: Uint8Array, bits: number, lod: number) => Partitioned> {
  let received: Partitioned | undefined
  let parts = 0
  const env = {
    emscripten_notify_memory_growth: () => undefined,
    neuroglancer_draco_receive_decoded_mesh: (
      faces: number,
      vertices: number,
      indices: number,
      positions: number,
      offsets: number,
    ) => {
      const words = (at: number, n: number): Uint32Array => new Uint32Array(exports.memory.buffer, at, n).slice()
      received = {
        positions: words(positions, 3 * vertices),
        triangles: words(indices, 3 * faces),
        parts: words(offsets, parts + 1),
      }
    },
    proc_exit: (code: number) => {
      throw new Error(`exit ${code}`)
    },
  }
  const { instance } = await WebAssembly.instantiate(readFileSync(file), { env, wasi_snapshot_preview1: env })
  const exports = instance.exports as Exports
  exports._initialize()
  return (bytes, bits, lod) => {
    parts = lod > 0 ? 8 : 1
    const at = exports.malloc(bytes.length)
    new Uint8Array(exports.memory.buffer).set(bytes, at)
    const code = exports.neuroglancer_draco_decode(at, bytes.length, lod > 0, bits, true)
    if (code !== 0) throw new Error(`Neuroglancer refuses the mesh: ${code}`)
    return received!
  }
}
