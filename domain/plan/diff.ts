// The difference between two releases of a dataset, as people compare them: by region, segment, synapse, quality, hole and cost.
import type { Hole, LayerName, Quality, Release } from '../release.ts'

/** Ids of segments are decimal strings. */
export interface SynapseRow {
  readonly x: number
  readonly y: number
  readonly z: number
  readonly pre: string
  readonly post: string
}

export interface ReleaseDiff {
  readonly dataset: string
  readonly before: string
  readonly after: string
  /** Regions (`all` for the dataset) whose artifacts have other contents, of how many. */
  readonly layers: Readonly<Partial<Record<LayerName, { readonly differ: readonly string[]; readonly of: number }>>>
  /** Null where one of the two has no segmentation. */
  readonly segments: {
    readonly split: readonly { readonly segment: string; readonly into: readonly string[] }[]
    readonly merged: readonly { readonly segment: string; readonly from: readonly string[] }[]
    readonly new: readonly string[]
    readonly gone: readonly string[]
    readonly renamed: readonly { readonly segment: string; readonly to: string }[]
  } | null
  /** By position and partners: one whose partner has another id is gone and new. */
  readonly synapses: { readonly gone: readonly SynapseRow[]; readonly new: readonly SynapseRow[] } | null
  readonly quality: Readonly<
    Partial<Record<keyof Quality, { readonly before: number | null; readonly after: number | null }>>
  >
  readonly holes: { readonly gone: readonly Hole[]; readonly new: readonly Hole[] }
  readonly cost: { readonly before: number; readonly after: number }
}

/** What only one of two lists has, as often as it has it more often. */
export function listsThatDiffer<T>(
  before: readonly T[],
  after: readonly T[],
  name: (t: T) => string,
): { gone: T[]; new: T[] } {
  const counts = new Map<string, number>()
  for (const t of before) counts.set(name(t), (counts.get(name(t)) ?? 0) + 1)
  const fresh: T[] = []
  for (const t of after) {
    const n = counts.get(name(t)) ?? 0
    if (n > 0) counts.set(name(t), n - 1)
    else fresh.push(t)
  }
  const gone: T[] = []
  for (const t of before.toReversed()) {
    const n = counts.get(name(t))!
    if (n > 0) gone.push(t)
    counts.set(name(t), n - 1)
  }
  return { gone: gone.reverse(), new: fresh }
}

/** Figures, holes and cost: what the manifests alone say. */
export const figuresThatDiffer = (a: Release, b: Release): Pick<ReleaseDiff, 'quality' | 'holes' | 'cost'> => ({
  quality: Object.fromEntries(
    (Object.keys({ ...a.quality, ...b.quality }) as (keyof Quality)[])
      .filter(k => a.quality[k] !== b.quality[k])
      .map(k => [k, { before: a.quality[k] ?? null, after: b.quality[k] ?? null }]),
  ),
  holes: listsThatDiffer(a.holes, b.holes, h => `${h.stage} ${h.what} ${h.reason}`),
  cost: { before: a.cost, after: b.cost },
})
