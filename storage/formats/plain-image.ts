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

/** A JPEG without application segments, comments and bytes between the segments of its header. */
export function plainJpeg(bytes: Uint8Array): Uint8Array {
  const b = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const parts = [b.subarray(0, 2)]
  let at = 2
  for (;;) {
    at = b.indexOf(0xff, at)
    if (at < 0 || at + 4 > b.length) return bytes
    const marker = b[at + 1]!
    if (marker === 0xff) at++
    else if (marker === 0xda) break
    else {
      const end = at + 2 + b.readUInt16BE(at + 2)
      // APP0 and APP14 say what the colours are.
      const said = marker === 0xfe || (marker > 0xe0 && marker <= 0xef && marker !== 0xee)
      if (!said) parts.push(b.subarray(at, end))
      at = end
    }
  }
  return Buffer.concat([...parts, b.subarray(at)])
}
