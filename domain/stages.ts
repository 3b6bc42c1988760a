// The stage table: what every step is, as plain frozen data; the code that executes a stage stands in activities/.
import { z } from 'zod'
import { FILL_REACH } from './index/sweep.ts'
import { ownStages, params } from './own-stages.ts'

type Scope = 'slab' | 'section' | 'pair' | 'dataset' | 'region' | 'node' | 'release'
type Queue = 'cpu' | 'inference'
/** Phase of the reconstruct workflow: all regions (or sections, nodes) finish a phase before the next one reads them. */
type Phase =
  | 'sections'
  | 'matches'
  | 'alignment'
  | 'image'
  | 'maps'
  | 'fragments'
  | 'graph'
  | 'tree'
  | 'resolve'
  | 'objects'
  | 'products'
  | 'pyramid'
  | 'dataset'
  | 'release'

export interface StageRow {
  /** Raise it when the bytes that the stage makes from the same recipe change. */
  readonly version: number
  readonly scope: Scope
  readonly phase: Phase
  /**
   * Stages whose artifacts it reads: of the same region or node; with `+` also of the neighbouring regions (halo), with `<`
   * of the children of the node instead, with `>` of its parent.
   */
  readonly inputs: readonly string[]
  readonly makes: string
  readonly parameters: z.ZodType
  readonly usesModel: boolean
  readonly queue: Queue
  readonly retry: { readonly attempts: number; readonly firstSeconds: number; readonly backoff: number }
  /** Longest time of one attempt, and longest silence of one, in seconds. */
  readonly timeout: { readonly attempt: number; readonly heartbeat: number }
  /** What is checked before the artifact may be committed, in words. */
  readonly checks: readonly string[]
}

const positive = z.number().positive()
const int = z.number().int()
const fraction = z.number().min(0).max(1)

const cube = z.tuple([int.positive(), int.positive(), int.positive()]).readonly()
/** How a volume is laid out for its readers. */
const layout = {
  chunk: cube.default([64, 64, 64]).describe('Voxels of a chunk, x, y, z: what a viewer fetches at least.'),
  shard: cube
    .default([512, 512, 512])
    .describe(
      'A shard, which is one object, is no larger than this along any axis, and never larger than what one tree node owns.',
    ),
}

/** Attempts that Temporal gives an activity beyond those of its policy, for workers that are told to end or are killed meanwhile. */
export const SPARE = 200

const retry = { attempts: 5, firstSeconds: 1, backoff: 2 } as const
const timeout = { attempt: 1800, heartbeat: 12 } as const
const cpu = { queue: 'cpu', usesModel: false, retry, timeout } as const

const rows = {
  phantom: {
    ...cpu,
    version: 1,
    scope: 'slab',
    phase: 'sections',
    inputs: [],
    makes: 'synthetic tiles with their layout, and the ground truth of the same voxels',
    parameters: params({}),
    checks: ['every section has its tiles or a recorded defect'],
  },
  ingest: {
    ...cpu,
    version: 1,
    scope: 'section',
    phase: 'sections',
    inputs: ['phantom'],
    makes: 'verified tiles in the immutable raw archive, and the manifest of the section',
    parameters: params({
      blankStd: positive.default(2).describe('Grey levels: a tile whose standard deviation is below is blank.'),
      maxSaturated: z.number().min(0).max(1).default(0.6).describe('Largest fraction of voxels at 0 or 255.'),
      window: z
        .tuple([z.number(), z.number()])
        .refine(([low, high]) => low < high, 'low below high; dark and bright are exchanged by `invert`')
        .nullish()
        .meta({
          description:
            'Samples that become black and white, `[low, high]`: needed where they have more than 8 bits; left out, 8 bits are taken as they are.',
          examples: [[1200, 41000]],
        }),
      invert: z
        .boolean()
        .optional()
        .meta({ description: 'Exchanges black and white: models expect dark membranes.', examples: [true] }),
    }),
    checks: ['decodes', 'shape and bit depth as listed', 'not blank, not saturated', 'no tile twice'],
  },
  stitch: {
    ...cpu,
    version: 1,
    scope: 'section',
    phase: 'sections',
    inputs: ['ingest'],
    makes: 'one transform per tile, the residuals of the overlaps, grey statistics of the section',
    parameters: params({
      maxShiftPx: positive.default(48).describe('Largest correction of a tile relative to its neighbour, in pixels.'),
      patchPx: int.positive().default(64).describe('Side of the patches that are compared along a seam, in pixels.'),
      minScore: fraction.default(0.5).describe('Smallest normalised correlation that counts as a match.'),
      elasticAbovePx: positive
        .default(0.5)
        .describe('Median residual of shifts alone above which tiles are bent by a mesh, in pixels.'),
    }),
    checks: ['every tile is placed', 'residuals are recorded'],
  },
  match: {
    ...cpu,
    version: 1,
    scope: 'pair',
    phase: 'matches',
    inputs: ['ingest', 'stitch'],
    makes: 'coarse affine and a grid of displacements between a section and each of the two before it',
    parameters: params({
      scale: int.positive().default(2).describe('Downsampling of the sections that are compared.'),
      spacingPx: positive.default(32).describe('Spacing of the measured displacements, in pixels at full scale.'),
      maxShiftPx: positive.default(64).describe('Largest translation between two sections, in pixels.'),
      searchPx: positive.default(12).describe('Largest deviation from that translation, in pixels.'),
      minScore: fraction.default(0.4).describe('Smallest normalised correlation that counts as a match.'),
    }),
    checks: ['a pair without agreement says so'],
  },
  align: {
    ...cpu,
    version: 2,
    scope: 'dataset',
    phase: 'alignment',
    inputs: ['stitch', 'match'],
    makes: 'one displacement field per section; bad sections excluded by name',
    parameters: params({
      method: z
        .enum(['elastic', 'none'])
        .default('elastic')
        .describe('`none` trusts the source: it is aligned already.'),
      spacingPx: positive.default(32).describe('Spacing of the nodes of the fields, in pixels.'),
      window: int
        .positive()
        .default(5)
        .describe(
          'The mean displacement over the sections up to this many away is held to nought: slow drift over z is tissue.',
        ),
      anchor: positive.default(0.1).describe('How firmly it is held, relative to one match.'),
      bending: positive.default(0.1).describe('Stiffness against bending within a section, relative to one match.'),
      minAgreement: fraction
        .default(0.3)
        .describe('A pair of sections counts only if this fraction of its nodes agrees.'),
      minFocus: fraction
        .default(0.75)
        .describe('A section is out of focus below this fraction of the median focus of the sections around.'),
    }),
    checks: ['every section has a field or a reason for its exclusion'],
  },
  render: {
    ...cpu,
    version: 1,
    scope: 'region',
    phase: 'image',
    inputs: ['ingest', 'stitch', 'align'],
    makes: 'aligned, intensity-normalised EM',
    parameters: params({
      normalise: z
        .enum(['section', 'none'])
        .default('section')
        .describe('`section` brings every section to `mean` and `std`; `none` leaves the grey values alone.'),
      mean: positive.default(129).describe('Grey values that every section is brought to.'),
      std: positive.default(33).describe('Standard deviation that every section is brought to, in grey levels.'),
      featherPx: positive.default(16).describe('Width of the transition between two tiles, in pixels.'),
      fillSections: int
        .min(0)
        .max(FILL_REACH)
        .default(3)
        .describe('Where a section has a gap or is excluded, sections this far away fill in.'),
    }),
    checks: ['every chunk of the region is there'],
  },
  affinity: {
    ...cpu,
    version: 1,
    scope: 'region',
    phase: 'maps',
    inputs: ['render+'],
    makes: 'probability that a voxel and its lower z, y, x neighbour belong together, as 255 x p',
    parameters: params({
      halo: int.min(0).default(24).describe('Voxels of real context on each side of an inference block.'),
    }),
    usesModel: true,
    queue: 'inference',
    checks: ['model file has the digest of its card', 'voxel size fits the model'],
  },
  'synapse-map': {
    ...cpu,
    version: 1,
    scope: 'region',
    phase: 'maps',
    inputs: ['render+'],
    makes: 'cleft and vesicle maps',
    parameters: params({
      dark: positive.default(70).describe('Grey value of a 3-cube mean below which a voxel may be cleft.'),
      surround: positive
        .default(80)
        .describe('Grey value of a 13-cube mean above which darkness is a plate and no organelle.'),
    }),
    checks: [],
  },
  supervoxel: {
    ...cpu,
    version: 1,
    scope: 'region',
    phase: 'fragments',
    inputs: ['affinity+', 'render+'],
    makes: 'supervoxels, block by block; none in the black outside of the tissue',
    parameters: params({
      halo: int.min(0).default(16).describe('Voxels of affinities around a block that its watershed sees.'),
      inside: fraction
        .default(0.5)
        .describe('A voxel whose mean affinity to its neighbours exceeds this lies inside a neurite.'),
      minSize: int
        .min(0)
        .default(64)
        .describe('Fragments of fewer voxels join the neighbour of highest mean affinity.'),
    }),
    checks: ['ids fit the block'],
  },
  rag: {
    ...cpu,
    version: 1,
    scope: 'region',
    phase: 'graph',
    inputs: ['supervoxel+', 'affinity'],
    makes: 'region adjacency graph with the edges across the lower faces of the region',
    parameters: params({}),
    checks: [],
  },
  agglomerate: {
    ...cpu,
    version: 1,
    scope: 'node',
    phase: 'tree',
    inputs: ['rag', 'agglomerate<'],
    makes: 'merges of this tree node, and its open edges for the parent',
    parameters: params({
      threshold: z.number().min(0).max(1).default(0.4).describe('Merge while the mean affinity reaches this.'),
    }),
    checks: ['exact: equal to one global run'],
  },
  resolve: {
    ...cpu,
    version: 1,
    scope: 'node',
    phase: 'resolve',
    inputs: ['agglomerate', 'agglomerate<', 'resolve>'],
    makes: 'for each child of the node: the segment of every cluster that the child left open, from the root down',
    parameters: params({}),
    checks: [],
  },
  'merge-table': {
    ...cpu,
    version: 1,
    scope: 'region',
    phase: 'objects',
    inputs: ['supervoxel', 'agglomerate', 'resolve>'],
    makes: "the region's slice of the merge table: supervoxel -> segment",
    parameters: params({}),
    checks: ['every supervoxel has a segment'],
  },
  segment: {
    ...cpu,
    version: 1,
    scope: 'region',
    phase: 'objects',
    inputs: ['supervoxel', 'merge-table'],
    makes: 'segmentation',
    parameters: params({}),
    checks: [],
  },
  synapse: {
    ...cpu,
    version: 1,
    scope: 'region',
    phase: 'products',
    inputs: ['synapse-map+', 'segment+'],
    makes: 'synapse table: pre, post, centre, size, score',
    parameters: params({
      minCleft: int
        .min(1)
        .max(255)
        .default(64)
        .describe('Value of the cleft map, 0..255, from which a voxel is cleft.'),
      minVoxels: int.positive().default(80).describe('Fewer voxels are no cleft.'),
    }),
    checks: ['no synapse in two regions'],
  },
  mesh: {
    ...cpu,
    version: 1,
    scope: 'region',
    phase: 'products',
    inputs: ['segment+'],
    makes: 'mesh fragments of every segment, packed',
    parameters: params({
      step: z
        .union([z.literal(1), z.literal(2)])
        .default(2)
        .describe('Voxels per sample along each axis.'),
      ratio: fraction.default(0.3).describe('Share of the triangles to keep.'),
      errorNm: positive.default(20).describe('How far simplifying may move the surface, in nm.'),
    }),
    checks: [],
  },
  skeleton: {
    ...cpu,
    version: 1,
    scope: 'region',
    phase: 'products',
    inputs: ['segment+'],
    makes: 'skeleton pieces of every segment, meeting at the region faces',
    parameters: params({
      step: z
        .union([z.literal(1), z.literal(2)])
        .default(2)
        .describe('Voxels per sample along each axis.'),
      scale: positive
        .default(1.5)
        .describe('A path covers what lies within scale x distance to the boundary + constantNm of it (TEASAR).'),
      constantNm: positive.default(150).describe('See `scale`, in nanometres.'),
      minVoxels: int
        .min(0)
        .default(500)
        .describe('Pieces of fewer voxels that touch no neighbouring region are left out.'),
    }),
    checks: [],
  },
  'mesh-join': {
    ...cpu,
    timeout: { ...timeout, attempt: 14_400 },
    version: 1,
    scope: 'dataset',
    phase: 'dataset',
    inputs: ['mesh'],
    makes: 'one mesh per segment, at several levels of detail, in shards',
    parameters: params({
      cellNm: positive.default(4000).describe('Side of the finest nodes of the octree that a mesh is cut into, in nm.'),
      ratio: fraction.default(0.25).describe('Share of the triangles that each level keeps of the one before.'),
      errorNm: positive
        .default(20)
        .describe('How far the first coarser level may move the surface, in nm; twice as far for each further one.'),
    }),
    checks: [],
  },
  'skeleton-join': {
    ...cpu,
    version: 2,
    scope: 'dataset',
    phase: 'dataset',
    inputs: ['skeleton'],
    makes: 'one skeleton per segment, in shards',
    parameters: params({}),
    checks: [],
  },
  graph: {
    ...cpu,
    version: 3,
    scope: 'dataset',
    phase: 'dataset',
    inputs: ['synapse', 'segment'],
    makes:
      'synapses, neuron-to-neuron edges and segments as tables (Parquet); segment properties; synapse annotations, in shards',
    parameters: params({}),
    checks: [],
  },
  pyramid: {
    ...cpu,
    version: 2,
    scope: 'node',
    phase: 'pyramid',
    inputs: ['render', 'render<', 'pyramid<'],
    makes: 'EM and downsampled EM in shards, in the proofreading and the analysis layout',
    parameters: params({
      ...layout,
      encoding: z
        .enum(['raw', 'jpeg', 'png'])
        .default('raw')
        .describe('Of the proofreading layout; the analysis layout keeps every grey value.'),
    }),
    checks: [],
  },
  'label-pyramid': {
    ...cpu,
    version: 2,
    scope: 'node',
    phase: 'pyramid',
    inputs: ['segment', 'segment<', 'label-pyramid<'],
    makes: 'segmentation and downsampled segmentation in shards, in the proofreading and the analysis layout',
    parameters: params(layout),
    checks: [],
  },
  evaluate: {
    ...cpu,
    version: 1,
    scope: 'release',
    phase: 'release',
    inputs: ['segment', 'graph'],
    makes: 'VOI, ARAND, synapse precision, recall and F1 against ground truth',
    parameters: params({}),
    checks: ['truth covers the box that is scored'],
  },
} as const satisfies Record<string, StageRow>

export type StageName = keyof typeof rows

const freeze = <T extends object>(o: T): T => {
  for (const v of Object.values(o)) if (v !== null && typeof v === 'object' && !(v instanceof z.ZodType)) freeze(v)
  return Object.freeze(o)
}
const all = { ...rows, ...Object.fromEntries(Object.entries(ownStages()).map(([s, row]) => [s, { ...cpu, ...row }])) }
export const stages: { readonly [S in StageName]: StageRow } = freeze(all)
export const stageNames = Object.keys(all) as StageName[]

/** Schema of the `stages` section of a run file: parameters by stage, every key optional, unknown keys refused. */
export const StagesConfig = z
  .strictObject(
    Object.fromEntries(stageNames.map(s => [s, all[s].parameters])) as {
      [S in StageName]: (typeof rows)[S]['parameters']
    },
  )
  .prefault({} as never)
