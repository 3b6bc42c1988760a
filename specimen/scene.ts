// Lays out a specimen: neurites, then synapses with their vesicles, then mitochondria where there is room.
import { map3 } from '../kernels/types.ts'
import { makeField } from './field.ts'
import { growNeurites } from './grow.ts'
import { placeMitochondria } from './organelles.ts'
import { placeSynapses, synapseMargin } from './synapses.ts'
import type { PhantomScene, PhantomSpec } from './types.ts'

/** The geometry of the specimen of a spec; the same spec gives the same scene. */
export function phantomScene(spec: PhantomSpec): PhantomScene {
  const grown = growNeurites(spec)
  const lines = {
    x: Float64Array.from(grown.x),
    y: Float64Array.from(grown.y),
    z: Float64Array.from(grown.z),
    r: Float64Array.from(grown.r),
    owner: Uint32Array.from(grown.owner),
    previous: Int32Array.from(grown.previous),
  }
  // Probes reach a little beyond the margin that synapses keep to.
  const reach = synapseMargin + 30
  const box = { min: map3(() => -reach), max: map3(a => spec.size[a] + reach) }
  const field = makeField(spec.seed, lines, box, 16)
  const { synapses, vesicles } = placeSynapses(spec, lines, field)
  return { seed: spec.seed, lines, mitochondria: placeMitochondria(spec.seed, lines, synapses), vesicles, synapses }
}
