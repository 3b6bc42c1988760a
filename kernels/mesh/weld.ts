// One mesh from the pieces of a segment: vertices at the same place become one.
import type { Mesh } from './simplify.ts'

/**
 * The pieces in the order given, with every vertex moved by `-origin`. Vertices are one where all three coordinates have
 * equal bits, which is how fragments of neighbouring regions meet; triangles that lose a side by it are dropped.
 */
export function weld(pieces: readonly Mesh[], origin: readonly [number, number, number]): Mesh {
  const vertices = pieces.reduce((n, p) => n + p.positions.length / 3, 0)
  const positions = new Float32Array(3 * vertices)
  const bits = new Uint32Array(positions.buffer)
  const slots = new Int32Array(2 ** Math.ceil(Math.log2(2 * vertices + 2))).fill(-1)
  const triangles = new Uint32Array(pieces.reduce((n, p) => n + p.triangles.length, 0))
  let count = 0
  let corners = 0
  for (const piece of pieces) {
    const place = new Uint32Array(piece.positions.length / 3)
    for (let v = 0; v < place.length; v++) {
      const at = 3 * count
      // Adding 0 makes -0 and 0 the same.
      for (let a = 0; a < 3; a++) positions[at + a] = piece.positions[3 * v + a]! - origin[a]! + 0
      let slot = hash(bits[at]!, bits[at + 1]!, bits[at + 2]!) & (slots.length - 1)
      for (; ; slot = (slot + 1) & (slots.length - 1)) {
        const known = slots[slot]!
        if (known === -1) {
          slots[slot] = place[v] = count++
          break
        }
        if (
          bits[3 * known] === bits[at] &&
          bits[3 * known + 1] === bits[at + 1] &&
          bits[3 * known + 2] === bits[at + 2]
        ) {
          place[v] = known
          break
        }
      }
    }
    for (let t = 0; t < piece.triangles.length; t += 3) {
      const a = place[piece.triangles[t]!]!
      const b = place[piece.triangles[t + 1]!]!
      const c = place[piece.triangles[t + 2]!]!
      if (a === b || b === c || c === a) continue
      triangles[corners++] = a
      triangles[corners++] = b
      triangles[corners++] = c
    }
  }
  return { positions: positions.slice(0, 3 * count), triangles: triangles.slice(0, corners) }
}

/** Mixes three words (the finaliser of MurmurHash3 between them). */
function hash(x: number, y: number, z: number): number {
  let h = Math.imul(x, 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13) ^ y, 0xc2b2ae35)
  h = Math.imul(h ^ (h >>> 16) ^ z, 0x85ebca6b)
  return (h ^ (h >>> 13)) >>> 0
}
