// Marks: what people have found to be wrong in the data; of artifacts of the bucket, and of sections and boxes of a dataset.
import { z } from 'zod'
import type { RunConfig } from '../config.ts'
import type { RunContext } from '../contract/run.ts'
import { Box, boxName, intersect, isEmpty, key, subtract, type Vec3 } from '../geometry.ts'
import { Digest, Recipe } from '../recipe.ts'
import { stages, type StageName } from '../stages.ts'
import { BATCH } from '../index/grid.ts'
import { nodeBox, type Node } from '../index/tree.ts'

const why = { reason: z.string().min(1), by: z.string().min(1), at: z.iso.datetime() }

export const Lift = z.strictObject(why)
export type Lift = z.infer<typeof Lift>

/** Sets one artifact aside; nothing new is made from it while the mark stands. */
export const ArtifactMark = z.strictObject({
  stage: z.string(),
  recipe: Digest,
  /** Of the outputs; null when the lineage record was lost too. */
  content: Digest.nullable(),
  extent: Recipe.shape.extent,
  /** `bad`: what it says is wrong. `damaged`: its bytes in the store are lost or broken. */
  kind: z.enum(['bad', 'damaged']),
  /** The run that makes the patch of the rollback that set it: that run may lift it. */
  patch: z.string().exactOptional(),
  ...why,
})
export type ArtifactMark = z.infer<typeof ArtifactMark>

/** What a maker of artifacts has to know of a mark. */
export type SetAside = Pick<ArtifactMark, 'kind' | 'reason' | 'content'>

/** Takes a section, or a box of voxels, out of every run of a dataset; in the coordinates of its source, as a viewer shows them. */
export const DataMark = z.strictObject({
  id: z.string(),
  dataset: z.string(),
  what: z.union([z.strictObject({ section: z.number().int() }), z.strictObject({ box: Box })]),
  ...why,
})
export type DataMark = z.infer<typeof DataMark>

type Exclude = RunConfig['exclude']

/**
 * What a run leaves out: what its file says, and the marks that lie within the dataset; each section and each box once. What earlier marks put into
 * the file of an earlier run counts only as far as they stand.
 * @param offset of the dataset in the coordinates of its source, which those of the marks are
 */
export function excluding(given: Exclude, marks: readonly DataMark[], bounds: Box, offset: Vec3 = [0, 0, 0]): Exclude {
  const sections = new Map<number, Exclude['sections'][number]>()
  const boxes = new Map<string, Exclude['boxes'][number]>()
  for (const e of given.sections) if (e.mark === undefined) sections.set(e.section, e)
  for (const e of given.boxes) if (e.mark === undefined) boxes.set(boxName(e.box), e)
  for (const { what, reason, id: mark } of marks.toSorted((a, b) => (a.at < b.at ? -1 : 1)))
    if ('section' in what) {
      const section = what.section - offset[2]
      if (section >= 0 && section < bounds.max[2] && !sections.has(section))
        sections.set(section, { section, reason, mark })
    } else {
      const box = { min: subtract(what.box.min, offset), max: subtract(what.box.max, offset) }
      if (!isEmpty(intersect(box, bounds)) && !boxes.has(boxName(box))) boxes.set(boxName(box), { box, reason, mark })
    }
  return {
    sections: [...sections.values()].sort((a, b) => a.section - b.section),
    boxes: [...boxes].sort((a, b) => (a[0] < b[0] ? -1 : 1)).map(([, e]) => e),
  }
}

/** A mark of an artifact as a run knows it: enough to tell which subtrees it concerns. */
export interface RunMark {
  /** Which setting of the mark it is: one that is lifted and set again is another. */
  readonly id: string
  readonly stage: string
  readonly kind: ArtifactMark['kind']
  readonly extent: ArtifactMark['extent']
}

interface Subtree {
  readonly context: Pick<RunContext, 'bounds' | 'region'>
  readonly node: Node
}

/** Whether what a mark sets aside may be listed by the index node of a subtree, or by one below it. */
export function concerns({ stage, extent }: Pick<RunMark, 'stage' | 'extent'>, { context, node }: Subtree): boolean {
  if (extent === 'dataset') return true
  if ('range' in extent) return extent.range >> node.level === node.coord[2]
  if ('node' in extent) {
    if (extent.level > node.level) return false
    const up = 2 ** (node.level - extent.level)
    return (
      key(node.coord) ===
      extent.node
        .split('_')
        .map(c => Math.floor(Number(c) / up))
        .join('_')
    )
  }
  const ofRegions = ['region', 'node'].includes(stages[stage as StageName]?.scope)
  if (ofRegions) return 'min' in extent && !isEmpty(intersect(extent, nodeBox(node, context.region, context.bounds)))
  const size = BATCH * 2 ** node.level
  const [from, to] = [node.coord[2] * size, (node.coord[2] + 1) * size]
  const sections =
    'min' in extent ? [extent.min[2], extent.max[2] - 1] : 'sections' in extent ? extent.sections : [extent.section]
  return Math.min(...sections) < to && Math.max(...sections) >= from
}
