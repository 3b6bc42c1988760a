// PNG and JPEG files without what is said about the pixels: texts, profiles, stray bytes; so that any warning of a decoder is about the pixels themselves.

const CRITICAL = new Set(['IHDR', 'PLTE', 'tRNS', 'IDAT', 'IEND'])

/** The chunks of a PNG that its pixels need; undefined where the file ends before its last chunk. */
export function plainPng(bytes: Uint8Array): Uint8Array | undefined {
  const b = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const parts = [b.subarray(0, 8)]
  for (let at = 8; at + 12 <= b.length;) {
    const end = at + 12 + b.readUInt32BE(at)
    if (end > b.length) return undefined
    const type = b.toString('latin1', at + 4, at + 8)
    if (CRITICAL.has(type)) parts.push(b.subarray(at, end))
    if (type === 'IEND') return Buffer.concat(parts)
    at = end
  }
  return undefined
}

/** Segments of the header of a JPEG, without bytes between them, and where its data begin. */
function jpegHeader(b: Buffer): { segments: Buffer[]; data: number } {
  const segments: Buffer[] = []
  for (let at = 2; ;) {
    at = b.indexOf(0xff, at)
    if (at < 0 || at + 4 > b.length) return { segments, data: b.length }
    const marker = b[at + 1]!
    if (marker === 0xff) at++
    else if (marker === 0xda) return { segments, data: at }
    else {
      const end = at + 2 + b.readUInt16BE(at + 2)
      segments.push(b.subarray(at, end))
      at = end
    }
  }
}

/** Kinds of JPEG that are baseline, extended or progressive; arithmetic and lossless ones are others. */
const HUFFMAN = [0xc0, 0xc1, 0xc2]

/** Why a JPEG that may be quite in order cannot be read, if so. */
export function unreadJpeg(bytes: Uint8Array): string | undefined {
  const { segments } = jpegHeader(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength))
  const frame = segments.find(s => s[1]! >= 0xc0 && s[1]! <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(s[1]!))
  if (!frame || (HUFFMAN.includes(frame[1]!) && frame[4] === 8)) return undefined
  return `is a JPEG of ${frame[4]} bits${HUFFMAN.includes(frame[1]!) ? '' : ' in a rare coding'}, which is not read: save it as PNG or TIFF`
}

/** A JPEG without application segments, comments and bytes between the segments of its header. */
export function plainJpeg(bytes: Uint8Array): Uint8Array {
  const b = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const { segments, data } = jpegHeader(b)
  // APP0 and APP14 say what the colours are.
  const said = (marker: number): boolean => marker === 0xfe || (marker > 0xe0 && marker <= 0xef && marker !== 0xee)
  return Buffer.concat([b.subarray(0, 2), ...segments.filter(s => !said(s[1]!)), b.subarray(data)])
}
