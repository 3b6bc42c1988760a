// Takes the camera images of one section: displaced, unevenly lit, noisy, and damaged where the spec says so.
import { sampleTile } from '../kernels/sections/sample-tile.ts'
import { mix } from './random.ts'
import { foldOf, sectionTransform, tileSlots, type TileSlot } from './transform.ts'
import type { PhantomSpec, PhantomTile, SectionTruth, SpecimenSlice } from './types.ts'

const blankGrey = 16

/** The kinds of defect planted in one tile of a section. */
function defectsOf(spec: PhantomSpec, z: number, tile: string): Set<string> {
  return new Set(
    spec.defects.filter(d => d.section === z && (d.tile === undefined || d.tile === tile)).map(d => d.kind),
  )
}

/**
 * The raw tiles of section z, row by row. `slice` holds the specimen at z with a margin (48 voxels suffice for the
 * default distortion); beyond it the border repeats. The mapping of pixels is that of `sectionTransform`. Tiles that the
 * spec calls missing or truncated are given whole: the caller leaves out or cuts the encoded file.
 */
export function phantomSection(spec: PhantomSpec, z: number, slice: SpecimenSlice): PhantomTile[] {
  const [x0, y0, z0] = slice.box.min
  const sx = slice.box.max[0] - x0
  const sy = slice.box.max[1] - y0
  const sharp = slice.em.subarray((z - z0) * sx * sy, (z - z0 + 1) * sx * sy)
  const truth = sectionTransform(spec, z)
  let blurred: Uint8Array | undefined
  return tileSlots(spec).map((slot, i) => {
    const defects = defectsOf(spec, z, slot.tile)
    if (defects.has('blur')) blurred ??= boxBlur(sharp, sx, sy, 3, 3)
    const image = { data: defects.has('blur') ? blurred! : sharp, sx, sy, x0, y0 }
    const [width, height] = spec.tiles.shape
    const data = defects.has('blank')
      ? new Uint8Array(width * height).fill(blankGrey)
      : photograph(spec, truth, slot, i, image, defects.has('fold'))
    return { row: slot.row, col: slot.col, x: slot.x, y: slot.y, width, height, data }
  })
}

type Image = { readonly data: Uint8Array } & Readonly<Record<'sx' | 'sy' | 'x0' | 'y0', number>>

/** Weights of the uniform cubic B-spline at fraction t. */
function spline(t: number, out: Float64Array): void {
  const s = 1 - t
  out[0] = (s * s * s) / 6
  out[1] = (3 * t * t * t - 6 * t * t + 4) / 6
  out[2] = (3 * s * s * s - 6 * s * s + 4) / 6
  out[3] = (t * t * t) / 6
}

function photograph(
  spec: PhantomSpec,
  truth: SectionTruth,
  slot: TileSlot,
  index: number,
  image: Image,
  folded: boolean,
): Uint8Array {
  const [width, height] = spec.tiles.shape
  const { spacing, origin, nodes, dx: nodesX, dy: nodesY } = truth.warp
  const angle = (truth.rotationDeg * Math.PI) / 180
  const cos = Math.cos(angle)
  const sin = Math.sin(angle)
  const cx = spec.size[0] / 2
  const cy = spec.size[1] / 2
  const moveX = truth.tiles[index]!.dx + truth.shift[0] - cx
  const moveY = truth.tiles[index]!.dy + truth.shift[1] - cy
  const fold = folded ? foldOf(spec, truth.section) : undefined
  const { illumination, noise } = spec.distortion
  const noiseKey = mix(mix(spec.seed | 0, 71), mix(truth.section, index))
  const columnX = new Float64Array(nodes[0])
  const columnY = new Float64Array(nodes[0])
  const w = new Float64Array(4)
  const out = new Uint8Array(width * height)
  for (let j = 0; j < height; j++) {
    const stageY = slot.y + j
    // The warp along this row: the four lattice rows around it, weighted.
    const ly = (stageY - origin[1]) / spacing
    const jy = Math.floor(ly) - 1
    spline(ly - Math.floor(ly), w)
    for (let i = 0; i < nodes[0]; i++) {
      columnX[i] = columnY[i] = 0
      for (let k = 0; k < 4; k++) {
        columnX[i]! += w[k]! * nodesX[i + nodes[0] * (jy + k)]!
        columnY[i]! += w[k]! * nodesY[i + nodes[0] * (jy + k)]!
      }
    }
    const rowKey = mix(noiseKey, j)
    const v = (2 * j + 1) / height - 1
    for (let i = 0; i < width; i++) {
      let ux = slot.x + i
      let uy = stageY
      const lx = (ux - origin[0]) / spacing
      const ix = Math.floor(lx) - 1
      spline(lx - Math.floor(lx), w)
      let px = cx
      let py = cy
      for (let k = 0; k < 4; k++) {
        px += w[k]! * columnX[ix + k]!
        py += w[k]! * columnY[ix + k]!
      }
      let shadow = 1
      if (fold) {
        // Tissue moves towards the crease from both sides, less and less with distance.
        const s = fold.nx * ux + fold.ny * uy - fold.at
        const far = Math.abs(s)
        const by = (Math.sign(s) * fold.width * Math.exp(-far / 60)) / 2
        ux += fold.nx * by
        uy += fold.ny * by
        shadow -= 0.6 * Math.max(0, Math.min(1, 0.5 + (fold.width / 2 - far) / 2))
      }
      px += cos * (ux + moveX) - sin * (uy + moveY)
      py += sin * (ux + moveX) + cos * (uy + moveY)
      const tissue = sampleTile(image.data, image.sx, image.sy, px - image.x0, py - image.y0)
      const u = (2 * i + 1) / width - 1
      const light = 1 - illumination * (0.4 * (u * u + v * v) + 0.1 * (u - v))
      let grey = (128 + (tissue - 128) * truth.gain + truth.offset) * light * shadow
      if (noise > 0) {
        const hash = mix(rowKey, i)
        const bytes = (hash & 255) + ((hash >>> 8) & 255) + ((hash >>> 16) & 255) + (hash >>> 24)
        grey += noise * Math.sqrt(Math.max(0, grey) / 128) * ((bytes - 510) / 147.8)
      }
      out[i + width * j] = grey < 0 ? 0 : grey > 255 ? 255 : grey + 0.5
    }
  }
  return out
}

const clamp = (v: number, size: number): number => Math.max(0, Math.min(size - 1, v))

/** `times` box filters of half-width `half` along x and y; the border repeats. */
function boxBlur(image: Uint8Array, width: number, height: number, half: number, times: number): Uint8Array {
  let a = Float64Array.from(image)
  for (let t = 0; t < 2 * times; t++) {
    const b = new Float64Array(a.length)
    const alongX = t % 2 === 0
    for (let y = 0; y < height; y++)
      for (let x = 0; x < width; x++) {
        let sum = 0
        for (let k = -half; k <= half; k++)
          sum += a[alongX ? clamp(x + k, width) + width * y : x + width * clamp(y + k, height)]!
        b[x + width * y] = sum / (2 * half + 1)
      }
    a = b
  }
  return Uint8Array.from(a, Math.round)
}
