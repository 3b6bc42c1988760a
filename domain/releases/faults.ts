// The worst merges and splits of a segmentation against its truth, as `scores.json` of an evaluation lists them.
import { z } from 'zod'

const Id = z.string().regex(/^\d+$/)

/** A segment that holds several objects of the truth, or an object that lies in several segments. */
export const FoundFault = z.object({
  kind: z.enum(['merge', 'split']),
  /** Of the segment that is merged, or of the object that is split. */
  id: Id,
  /** Objects or segments that it is divided among, the largest first. */
  parts: z.array(Id),
  /** What it adds to VOI merge or VOI split. */
  bits: z.number(),
  /** First voxel of the second largest part, from the dataset's origin. */
  at: z.tuple([z.number(), z.number(), z.number()]),
})
export type FoundFault = z.infer<typeof FoundFault>

export const Worst = z.object({ worst: z.array(FoundFault).default([]) })
