// TIFF, classic and big: which pages a file has, and one page as a file of its own that holds no more than its pixels need.
//
// Source: Adobe TIFF 6.0; BigTIFF (awaresystems.be). Private tags, odd texts and thumbnails of microscopes are thus never seen by the decoder, which can
// then be told to take any warning for an error.

/** Bytes of a file from `offset`; fewer where it ends before. */
export type ReadAt = (offset: number, length: number) => Promise<Uint8Array>

export interface TiffPage {
  readonly width: number
  readonly height: number
  /** Of one sample, and whether it has a sign. */
  readonly bits: number
  readonly signed: boolean
  readonly compression: number
  /** Of one page: several planes in one are not read. */
  readonly depth: number
  /** Where the file says that its pages are not all sections of one image: how it says so. */
  readonly images?: string | undefined
  /** The page as a TIFF of its own; where the file ends too early its data does too. */
  readonly bytes: () => Promise<Uint8Array<ArrayBuffer>>
}

interface Entry {
  readonly tag: number
  readonly type: number
  readonly count: number
  readonly value: Buffer
}

/** Bytes of one value, by type. */
const SIZES: readonly number[] = [0, 1, 1, 2, 4, 8, 1, 1, 2, 4, 8, 4, 8, 4, 0, 0, 8, 8, 8]
/** What decoding needs; neither orientation (pixels count as stored) nor anything that is said about the pixels. */
const KEPT = new Set([
  256, 257, 258, 259, 262, 266, 277, 278, 284, 292, 293, 317, 320, 322, 323, 332, 338, 339, 347, 530,
])
const NAMES: Readonly<Record<number, string>> = {
  6: 'old-style JPEG',
  33003: 'JPEG 2000',
  33005: 'JPEG 2000',
  34712: 'JPEG 2000',
  34925: 'LZMA',
  50000: 'Zstandard',
  50001: 'WebP',
  50002: 'JPEG XL',
}
const READ = new Set([1, 2, 3, 4, 5, 7, 8, 32773, 32946])
/** As ImageJ and OME-TIFF say it. */
const SEVERAL = /^(?:channels|frames)=(?:[2-9]|\d\d+)|\bSize[CT]="(?:[2-9]|\d\d+)"/m
/** More are a loop or a damaged file. */
const MOST_PAGES = 1 << 20

/** Why the pixels of a page cannot be read, if so. */
export const unreadPage = ({ compression: c, depth }: TiffPage): string | undefined =>
  depth > 1
    ? `has ${depth} planes in one page (ImageDepth), which are not read: save each as a page of its own`
    : READ.has(c)
      ? undefined
      : `is compressed by ${NAMES[c] ?? `method ${c}`}, which is not read: save it with LZW or deflate`

/**
 * Pages of a TIFF in their order, without those that the file itself calls reduced images.
 * @throws Error that says what is wrong with the file
 */
export async function tiffPages(read: ReadAt): Promise<TiffPage[]> {
  const file = new Reader(read, Buffer.from(await read(0, 16)))
  const pages: TiffPage[] = []
  const seen = new Set<number>()
  for (let at = file.first; at !== 0;) {
    if (seen.has(at) || seen.size > MOST_PAGES) throw new Error('its pages refer to each other in a circle')
    seen.add(at)
    const { entries, next } = await file.directory(at)
    const page = new Directory(file, entries)
    if (!page.reduced) pages.push(...page.pages(pages.length === 0 && next === 0))
    at = next
  }
  return pages
}

/** A file with its byte order and width of offsets. */
class Reader {
  readonly little: boolean
  readonly big: boolean
  readonly first: number
  private readonly source: ReadAt
  constructor(source: ReadAt, head: Buffer) {
    this.source = source
    if (head.length < 8) throw new Error('it ends within its header')
    this.little = head[0] === 0x49
    this.big = this.number(head, 2, 3) === 43
    this.first = this.big ? this.number(head, 8, 16) : this.number(head, 4, 4)
  }
  /** An unsigned integer of a TIFF type. */
  number(b: Buffer, at: number, type: number): number {
    if (type === 1) return b.readUInt8(at)
    if (type === 3) return this.little ? b.readUInt16LE(at) : b.readUInt16BE(at)
    if (type === 4 || type === 13) return this.little ? b.readUInt32LE(at) : b.readUInt32BE(at)
    return Number(this.little ? b.readBigUInt64LE(at) : b.readBigUInt64BE(at))
  }
  async bytes(offset: number, length: number): Promise<Buffer> {
    const b = await this.source(offset, length)
    return Buffer.from(b.buffer, b.byteOffset, b.byteLength)
  }
  async whole(offset: number, length: number, what: string): Promise<Buffer> {
    const b = await this.bytes(offset, length)
    if (b.length < length) throw new Error(`it ends before its ${what}`)
    return b
  }
  async directory(at: number): Promise<{ entries: Map<number, Entry>; next: number }> {
    const [head, size, word] = this.big ? [8, 20, 8] : [2, 12, 4]
    const n = this.number(await this.whole(at, head, 'directory'), 0, this.big ? 16 : 3)
    if (n === 0 || n > 4096) throw new Error(`its directory claims ${n} tags`)
    const all = await this.whole(at + head, n * size, 'directory')
    // Some writers leave the file to end with its last tag.
    const link = await this.bytes(at + head + n * size, word)
    const entries = new Map<number, Entry>()
    for (let o = 0; o < all.length; o += size) {
      const [tag, type] = [this.number(all, o, 3), this.number(all, o + 2, 3)]
      const count = this.number(all, o + 4, word === 8 ? 16 : 4)
      const bytes = count * (SIZES[type] ?? 0)
      if (!WANTED.has(tag) || bytes === 0 || bytes > 1 << 28) continue
      const inline = all.subarray(o + size - word, o + size)
      // What only describes may lie anywhere.
      const value =
        bytes <= word ? inline.subarray(0, bytes) : await this.bytes(this.number(inline, 0, word === 8 ? 16 : 4), bytes)
      if (value.length < bytes && tag !== TEXT) throw new Error(`it ends before its tag ${tag}`)
      entries.set(tag, { tag, type, count, value })
    }
    return { entries, next: link.length < word ? 0 : this.number(link, 0, word === 8 ? 16 : 4) }
  }
}

/** Beside those: kinds of page, where its data lies, and the text in which ImageJ counts its slices. */
const TEXT = 270
const DEPTH = 32997
const WANTED = new Set([...KEPT, 254, 255, TEXT, 273, 279, 324, 325, DEPTH])

class Directory {
  private readonly file: Reader
  private readonly entries: ReadonlyMap<number, Entry>
  constructor(file: Reader, entries: ReadonlyMap<number, Entry>) {
    this.file = file
    this.entries = entries
  }
  private all(tag: number): number[] {
    const e = this.entries.get(tag)
    return e ? Array.from({ length: e.count }, (_, i) => this.file.number(e.value, i * SIZES[e.type]!, e.type)) : []
  }
  private one(tag: number, otherwise: number): number {
    return this.all(tag)[0] ?? otherwise
  }
  get reduced(): boolean {
    return (this.one(254, 0) & 1) === 1 || this.one(255, 1) === 2
  }
  pages(alone: boolean): TiffPage[] {
    const [width, height, bits] = [this.one(256, 0), this.one(257, 0), this.one(258, 1)]
    const [compression, depth] = [this.one(259, 1), this.one(DEPTH, 1)]
    // ImageJ gives a stack above 4 GiB one directory: the slices follow each other.
    const text = this.entries.get(TEXT)?.value.toString('latin1') ?? ''
    const common = {
      width,
      height,
      bits,
      signed: this.one(339, 1) === 2,
      compression,
      depth,
      images: SEVERAL.exec(text)?.[0],
    }
    const images =
      alone && compression === 1 && text.startsWith('ImageJ=') ? /^images=(\d+)/m.exec(text)?.[1] : undefined
    const size = Math.ceil((width * bits * this.one(277, 1)) / 8) * height
    return Array.from({ length: Number(images ?? 1) }, (_, i) => ({
      ...common,
      bytes: () => (images ? this.write([this.one(273, 0) + i * size], [size]) : this.write()),
    }))
  }
  /** Its strips or tiles, then its tags. */
  private async write(
    from = this.all(this.entries.has(324) ? 324 : 273),
    lengths = this.all(this.entries.has(324) ? 325 : 279),
  ): Promise<Uint8Array<ArrayBuffer>> {
    const { file } = this
    const tiled = this.entries.has(324)
    if (from.length === 0) throw new Error('it does not say where its pixels lie')
    const data: Buffer[] = []
    const starts: number[] = []
    let at = 8
    for (const [i, offset] of from.entries()) {
      const length =
        lengths[i] ?? Math.ceil((this.one(256, 0) * this.one(258, 1) * this.one(277, 1)) / 8) * this.one(257, 0)
      const strip = await file.bytes(offset, length)
      starts.push(at)
      data.push(strip)
      at += strip.length
    }
    const longs = (tag: number, values: readonly number[]): Entry => {
      const value = Buffer.alloc(4 * values.length)
      for (const [i, v] of values.entries())
        if (file.little) value.writeUInt32LE(v, 4 * i)
        else value.writeUInt32BE(v, 4 * i)
      return { tag, type: 4, count: values.length, value }
    }
    const entries = [
      // Signed samples of 16 bits would be clipped at 0: they are decoded as they lie there.
      ...[...this.entries.values()].filter(e => KEPT.has(e.tag) && !(e.tag === 339 && this.one(258, 1) === 16)),
      // Where nothing is said, black is zero.
      ...(this.entries.has(262) ? [] : [{ ...longs(262, [file.little ? 1 : 0x10000]), type: 3 }]),
      longs(tiled ? 324 : 273, starts),
      longs(
        tiled ? 325 : 279,
        data.map(d => d.length),
      ),
    ]
      .map(e => (e.type >= 16 ? longs(e.tag, this.all(e.tag)) : e))
      .sort((a, b) => a.tag - b.tag)
    const number = (v: number, bytes: 2 | 4): Buffer => {
      const b = longs(0, [v]).value
      return bytes === 4 ? b : file.little ? b.subarray(0, 2) : b.subarray(2)
    }
    const pad = (b: Buffer, size: number): Buffer => Buffer.concat([b, Buffer.alloc(Math.max(0, size - b.length))])
    const table: Buffer[] = [number(entries.length, 2)]
    for (const e of entries) {
      table.push(number(e.tag, 2), number(e.type, 2), number(e.count, 4))
      if (e.value.length <= 4) table.push(pad(e.value, 4))
      else {
        if (at % 2) at += data.push(Buffer.alloc(1)) && 1
        table.push(number(at, 4))
        data.push(e.value)
        at += e.value.length
      }
    }
    if (at % 2) at += data.push(Buffer.alloc(1)) && 1
    const head = Buffer.concat([Buffer.from(file.little ? 'II' : 'MM'), number(42, 2), number(at, 4)])
    return Buffer.concat([head, ...data, ...table, number(0, 4)])
  }
}
