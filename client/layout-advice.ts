// In which chunks a layer of a release would cost its readers least, by what they have read of it.
import { map3, type Vec3 } from '../domain/geometry.ts'
import { bestScale, type Reads } from '../domain/releases/read-cost.ts'
import type { Release } from '../domain/release.ts'
import type { VolumeName } from '../domain/stages.ts'
import { zarrFolder } from '../storage/static-layout.ts'

export interface LayoutAdvice {
  readonly chunk: Vec3
  /** Of the layer, in either layout. */
  readonly reads: readonly Reads[]
  readonly better: Vec3
}

/** @param all that was read of the release */
export function layoutAdvice(release: Release, layer: VolumeName, all: readonly Reads[]): LayoutAdvice {
  const { chunk, kind } = release.layers[layer]!
  const names = [`${layer}/`, zarrFolder(layer, kind)]
  const reads = all.filter(r => names.includes(`${r.layer}/`))
  const scale = bestScale(reads)
  return { chunk, reads, better: map3(a => chunk[a] * 2 ** scale) }
}
