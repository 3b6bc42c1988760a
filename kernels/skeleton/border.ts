// The points that skeletons must run to: one per contact of a segment with a face of its region.
import { insideVolume, squaredDistances } from './distance.ts'
import type { Samples, Sides } from '../surface-samples.ts'
import type { Vec3 } from '../types.ts'

export interface Targets {
  /** On faces that two regions share. */
  readonly shared: Set<number>
  /** On faces of the volume, where a segment goes out rather than along the face. */
  readonly ends: Set<number>
}

/**
 * Samples that skeletons must run to: in the layer at a face (for a shared one, that which both regions see), one sample of
 * each 2-D connected component (8-connected) of each label. It is the one farthest from other labels within
 * the layer; of equal ones the one nearest to the component's centroid, then the first in raster order. Only the layer
 * decides, so both regions choose the same one.
 */
export function borderTargets(samples: Samples, spacing: Vec3, sides: Sides): Targets {
  const targets: Targets = { shared: new Set(), ends: new Set() }
  for (let axis = 0; axis < 3; axis++) {
    addTargets(samples, spacing, sides, axis, 1, sides.low[axis] === 1, targets)
    addTargets(samples, spacing, sides, axis, samples.shape[axis]! - 2, sides.high[axis] === 1, targets)
  }
  return targets
}

function addTargets(
  samples: Samples,
  spacing: Vec3,
  { low, high }: Sides,
  axis: number,
  at: number,
  shared: boolean,
  targets: Targets,
): void {
  const strides = [1, samples.shape[0], samples.shape[0] * samples.shape[1]]
  const [u, v] = axis === 0 ? [1, 2] : axis === 1 ? [0, 2] : [0, 1]
  const su = samples.shape[u!]!
  const sv = samples.shape[v!]!
  const place = (p: number) => at * strides[axis]! + (p % su) * strides[u!]! + Math.floor(p / su) * strides[v!]!
  const plane = Uint32Array.from({ length: su * sv }, (_, p) => samples.labels[place(p)]!)
  const layered = new Uint32Array(3 * plane.length)
  layered.set(plane, plane.length)
  const shape: Vec3 = [su, sv, 3]
  const between: Vec3 = [spacing[u!]!, spacing[v!]!, 1]
  const edges = { low: [low[u!]!, low[v!]!, 1], high: [high[u!]!, high[v!]!, 1] }
  const distances = insideVolume(squaredDistances(layered, shape, between), shape, between, edges).subarray(
    plane.length,
  )
  const seen = new Uint8Array(plane.length)
  for (let p = 0; p < plane.length; p++) {
    if (plane[p] === 0 || seen[p] === 1) continue
    const contact = component(plane, su, p, seen)
    const found = middle(contact, distances, su)
    if (shared) targets.shared.add(place(found))
    // A contact that is long for its width: the segment lies along the face.
    else if (contact.length * between[0] * between[1] < 4 * Math.PI * distances[found]!) targets.ends.add(place(found))
  }
}

/** The 8-connected component of one label that contains sample p; the outermost samples are background. */
function component(plane: Uint32Array, su: number, p: number, seen: Uint8Array): number[] {
  const found = [p]
  seen[p] = 1
  for (const sample of found)
    for (let dv = -su; dv <= su; dv += su)
      for (let neighbour = sample + dv - 1; neighbour <= sample + dv + 1; neighbour++) {
        if (seen[neighbour] === 1 || plane[neighbour] !== plane[p]) continue
        seen[neighbour] = 1
        found.push(neighbour)
      }
  return found
}

function middle(found: number[], distances: Float32Array, su: number): number {
  const u = found.reduce((sum, p) => sum + (p % su), 0)
  const v = found.reduce((sum, p) => sum + Math.floor(p / su), 0)
  const fromCentroid = (p: number) => ((p % su) * found.length - u) ** 2 + (Math.floor(p / su) * found.length - v) ** 2
  let best = found[0]!
  for (const p of found) {
    const deeper = distances[p]! - distances[best]!
    const nearer = fromCentroid(best) - fromCentroid(p)
    if (deeper > 0 || (deeper === 0 && (nearer > 0 || (nearer === 0 && p < best)))) best = p
  }
  return best
}
