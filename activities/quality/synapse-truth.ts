// Found synapses put beside the true ones: only those inside the specimen count.
import { map3, type Box } from '../../domain/geometry.ts'
import type { Refs } from '../../domain/contract/artifacts.ts'
import type { ScoredSynapse, SynapseScores } from '../../kernels/synapse/score.ts'
import { tableParts } from '../../storage/tables.ts'
import type { Deps } from '../context.ts'
import type { Labels } from './truth.ts'
import { scoreSynapses } from '../../kernels/synapse/score.ts'

export type TrueSynapse = ScoredSynapse

/** Farther apart, in voxels, a found synapse is another one. */
const MAX_DISTANCE = 15
/** The truth does not list synapses whose partners lie outside the specimen: finds this near its faces are not counted against it. */
const RIM = 8
/** Half side of the cube around a partner's point in which its true neurite is looked up. */
const LOOK = 3

export async function scoreSynapseTables(
  deps: Deps,
  graph: Refs,
  truth: readonly TrueSynapse[],
  labels: (box: Box) => Labels,
  bounds: Box,
): Promise<SynapseScores> {
  const found: TrueSynapse[] = []
  for await (const t of tableParts(deps.artifacts, Object.entries(graph), 'synapses'))
    found.push(...foundIn(t, labels, bounds))
  return deps.compute(scoreSynapses, [found, ...against(truth, bounds)])
}

/** What found synapses are scored against: the true ones of a box, how far off they may be, and where the truth lists all. */
export function against(truth: readonly TrueSynapse[], { min, max }: Box): [TrueSynapse[], number, Box] {
  const inside = (s: TrueSynapse): boolean => [s.x, s.y, s.z].every((v, a) => v >= min[a]! && v < max[a]!)
  return [truth.filter(inside), MAX_DISTANCE, { min: map3(a => min[a] + RIM), max: map3(a => max[a] - RIM) }]
}

/** Synapses of a part of the table, with the true neurites of their partners. */
function foundIn(
  table: Readonly<Record<string, ArrayLike<number | bigint | string>>>,
  labels: (box: Box) => Labels,
  bounds: Box,
): TrueSynapse[] {
  const column = (name: string): ArrayLike<number> => table[name] as ArrayLike<number>
  const [x, y, z] = [column('x'), column('y'), column('z')]
  const around = (partner: 'pre' | 'post'): number[] => {
    const points = ['x', 'y', 'z'].map(axis => column(`${partner}_${axis}`))
    return Array.from(x, (_, i) => {
      const p = map3(a => Math.round(points[a]![i]!))
      const min = map3(a => Math.max(bounds.min[a], p[a] - LOOK))
      return mostFrequent(labels({ min, max: map3(a => Math.min(bounds.max[a], p[a] + LOOK + 1)) }))
    })
  }
  const [pre, post] = [around('pre'), around('post')]
  return Array.from(x, (_, i) => ({ x: x[i]!, y: y[i]!, z: z[i]!, pre: pre[i]!, post: post[i]! }))
}

/** Most frequent label other than 0; of equally frequent ones the smallest; 0 if there is none. */
function mostFrequent(labels: Labels): number {
  const count = new Map<number, number>()
  for (const l of labels as Uint32Array) if (l !== 0) count.set(l, (count.get(l) ?? 0) + 1)
  return [...count].sort((a, b) => b[1] - a[1] || a[0] - b[0])[0]?.[0] ?? 0
}
