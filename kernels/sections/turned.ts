// Whether two sections that do not match as they lie would if one were turned or moved further: what to tell whoever imaged them.
import { correlation } from './patch.ts'
import { crop, phaseCorrelation } from './phase-correlation.ts'
import { flatten, type Plane } from './plane.ts'
import type { SectionImage } from './section-types.ts'

/** Section b looks like a turned clockwise by so many degrees; turned back about its centre, it lies (dx, dy) pixels from a. */
export interface Turned {
  readonly degrees: number
  readonly dx: number
  readonly dy: number
}

/** Images are compared at no more than this many pixels a side. */
const SIDE = 128
const STEP = 3
/** A turn is believed where it correlates so well, and so much better than turns in general do. */
const BELIEVED = 0.15
const ABOVE_OTHERS = 2

/** Undefined where b looks like a no way round. @throws RangeError when the images differ in scale */
export function turnedSection(a: SectionImage, b: SectionImage): Turned | undefined {
  if (a.scale !== b.scale) throw new RangeError(`sections drawn at scales ${a.scale} and ${b.scale}`)
  let halvings = 0
  while (Math.max(a.width, a.height, b.width, b.height) >> halvings > SIDE) halvings++
  const [pa, pb] = [a, b].map(i => flatten(i.data, i.width, i.height, halvings)) as [Plane, Plane]
  const unit = a.scale << halvings
  const found = []
  // A square holds what is turned by a quarter.
  const side = Math.max(pb.width, pb.height)
  for (let degrees = 0; degrees < 360; degrees += STEP) {
    const image = turnPlane(pb, degrees, side, side)
    const most = Math.floor(Math.min(pa.width, pa.height) / 2)
    for (const { dx, dy } of phaseCorrelation(crop(pa), crop(image), most, 3)) {
      const score = correlation(pa, image, dx, dy, 1, (pa.width * pa.height) / 4)
      found.push({
        degrees: degrees > 180 ? degrees - 360 : degrees,
        dx: (dx - (image.width - pb.width) / 2) * unit,
        dy: (dy - (image.height - pb.height) / 2) * unit,
        score,
      })
    }
  }
  found.sort((p, q) => q.score - p.score)
  const [best] = found
  const usual = found.find(f => apart(f.degrees, best!.degrees) > 2 * STEP)
  if (!best || best.score < BELIEVED || best.score < ABOVE_OTHERS * (usual?.score ?? 0)) return undefined
  return { degrees: best.degrees, dx: best.dx, dy: best.dy }
}

const apart = (a: number, b: number): number => Math.min(Math.abs(a - b), 360 - Math.abs(a - b))

/** About the centre, on a plane of any size; the nearest pixel is taken. */
export function turnPlane(p: Plane, degrees: number, width = p.width, height = p.height): Plane {
  const value = new Float32Array(width * height)
  const mask = new Uint8Array(width * height)
  const [c, s] = [Math.cos((degrees * Math.PI) / 180), Math.sin((degrees * Math.PI) / 180)]
  for (let y = 0, o = 0; y < height; y++)
    for (let x = 0; x < width; x++, o++) {
      const [u, v] = [x - (width - 1) / 2, y - (height - 1) / 2]
      const i = Math.round(c * u - s * v + (p.width - 1) / 2)
      const j = Math.round(s * u + c * v + (p.height - 1) / 2)
      if (i < 0 || j < 0 || i >= p.width || j >= p.height) continue
      value[o] = p.value[j * p.width + i]!
      mask[o] = p.mask[j * p.width + i]!
    }
  return { width, height, value, mask }
}
