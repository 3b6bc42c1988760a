// TIFF files as other programs write them: pages of uncompressed samples with whatever tags a test asks for.

export interface MadePage {
  readonly width: number
  readonly height: number
  readonly pixels: Uint8Array | Uint16Array | Int16Array | Int32Array | Float32Array
  /** 1 = black is zero, 0 = white is zero. */
  readonly photometric?: number
  /** Tag, type, count, value: a number, or the bytes. */
  readonly extra?: readonly (readonly [tag: number, type: number, count: number, value: number | Uint8Array])[]
}

/** Little-endian; `big` writes BigTIFF. */
export function madeTiff(pages: readonly MadePage[], big = false): Uint8Array {
  const word = big ? 8 : 4
  const put = (v: number, bytes: number): Buffer => {
    const b = Buffer.alloc(bytes)
    if (bytes === 8) b.writeBigUInt64LE(BigInt(v))
    else b.writeUIntLE(v, 0, bytes)
    return b
  }
  const head = big ? [put(43, 2), put(8, 2), put(0, 2)] : [put(42, 2)]
  const parts = [Buffer.from('II'), ...head, Buffer.alloc(word)]
  const link = { at: big ? 8 : 4 }
  let at = parts.reduce((n, p) => n + p.length, 0)
  const add = (b: Buffer): number => {
    parts.push(b)
    at += b.length
    return at - b.length
  }
  const links: [number, number][] = []
  for (const { width, height, pixels, photometric = 1, extra = [] } of pages) {
    const data = Buffer.from(pixels.buffer, pixels.byteOffset, pixels.byteLength)
    const strip = add(data)
    const kind =
      pixels instanceof Float32Array ? 3 : pixels instanceof Int16Array || pixels instanceof Int32Array ? 2 : 1
    const bits = 8 * pixels.BYTES_PER_ELEMENT
    const tags = [
      [256, 4, 1, width],
      [257, 4, 1, height],
      [258, 3, 1, bits],
      [259, 3, 1, 1],
      [262, 3, 1, photometric],
      [273, 4, 1, strip],
      [277, 3, 1, 1],
      [278, 4, 1, height],
      [279, 4, 1, data.length],
      [339, 3, 1, kind],
      ...extra,
    ].sort((a, b) => (a[0] as number) - (b[0] as number)) as [number, number, number, number | Uint8Array][]
    const table = tags.map(([tag, type, count, value]) => {
      const field =
        typeof value === 'number'
          ? put(value, word)
          : value.length <= word
            ? Buffer.concat([value, Buffer.alloc(word - value.length)])
            : put(add(Buffer.from(value)), word)
      return Buffer.concat([put(tag, 2), put(type, 2), put(count, word), field])
    })
    links.push([link.at, at])
    const ifd = Buffer.concat([put(table.length, big ? 8 : 2), ...table, Buffer.alloc(word)])
    link.at = at + ifd.length - word
    add(ifd)
  }
  const file = Buffer.concat(parts)
  for (const [where, value] of links) put(value, word).copy(file, where)
  return file
}
