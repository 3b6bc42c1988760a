// Kernels in WebAssembly: their memory, and how they get it. wasm/*.ts is their source in AssemblyScript; `node test/wasm.ts` compiles it.

interface Memory {
  readonly buffer: ArrayBuffer
  grow(pages: number): void
}
/** The language's own; TypeScript declares it among what browsers have. */
declare const WebAssembly: {
  readonly Memory: new (size: { initial: number }) => Memory
  readonly Module: new (bytes: Uint8Array) => object
  readonly Instance: new (module: object, imports: { env: { memory: Memory } }) => { readonly exports: unknown }
}

/** A module in base64 with the functions that it exports. Its memory is kept for the next call of the thread. */
export class WasmKernel<Functions> {
  readonly call: Functions
  private readonly memory = new WebAssembly.Memory({ initial: 1 })

  constructor(base64: string) {
    const module = new WebAssembly.Module(Uint8Array.from(atob(base64), c => c.charCodeAt(0)))
    this.call = new WebAssembly.Instance(module, { env: { memory: this.memory } }).exports as Functions
  }

  /** Addresses of arrays of so many bytes, in place of those of the last call; behind each a vector may reach. */
  place<const S extends readonly number[]>(...sizes: S): { [K in keyof S]: number } {
    let end = 0
    const places = sizes.map(size => {
      const at = end
      end += (size + 31) & ~15
      return at
    })
    const missing = end - this.memory.buffer.byteLength
    if (missing > 0) this.memory.grow(Math.ceil(missing / 65_536))
    return places as { [K in keyof S]: number }
  }

  /** The memory from an address on; good until the next `place`. */
  bytes(at: number, length: number): Uint8Array {
    return new Uint8Array(this.memory.buffer, at, length)
  }

  /** The same as numbers of 32 and 64 bits: addresses are multiples of 16. */
  integers = (at: number, length: number): Uint32Array => new Uint32Array(this.memory.buffer, at, length)
  floats = (at: number, length: number): Float32Array => new Float32Array(this.memory.buffer, at, length)
  doubles = (at: number, length: number): Float64Array => new Float64Array(this.memory.buffer, at, length)
}
