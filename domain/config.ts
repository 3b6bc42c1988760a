// The run file: one YAML document that says what is reconstructed, with which parameters; refused as a whole if a key is wrong.
import { z } from 'zod'
import { Budget } from './control.ts'
import { HillockError } from './errors.ts'
import { Box, intersect, isEmpty } from './geometry.ts'
import { PhantomSpec } from './run-file/phantom.ts'
import { didYouMean, nearest, suggestion } from './run-file/schema.ts'
import { stageNames, stages, StagesConfig, type StageName, type StageRow } from './stages.ts'

const slug = z.string().regex(/^[a-z0-9][a-z0-9-]{0,62}$/, 'lower-case letters, digits and dashes')
const nm = z
  .number({ error: 'a length in nanometres, as a plain number (8, not "8 nm")' })
  .positive()
  .max(1000, 'a voxel is given in nanometres: this one would be longer than a micron')
const shape = z
  .tuple([z.number().int().positive(), z.number().int().positive(), z.number().int().positive()])
  .readonly()

const voxel = z.tuple([z.number().int(), z.number().int(), z.number().int()]).readonly()

/** Of what is listed, as a fraction. */
const share = z.number().min(0).max(1).default(0.05)

const regionName = z.string().regex(/^\d+_\d+_\d+$/, 'the grid coordinate of a region, as x_y_z')

const because = {
  reason: z
    .string()
    .min(1)
    .meta({ description: 'Why: plans, holes and lineage repeat it.', examples: ['knife mark'] }),
  mark: z
    .string()
    .optional()
    .meta({
      description:
        'Set where a mark of the bucket put it here, as in the run file that a release names: it goes when the mark is lifted.',
      examples: ['section-42-1a2b3c4d'],
    }),
}

export const TileEntry = z.strictObject({
  section: z
    .number()
    .int()
    .meta({ description: 'Any whole numbers: the first becomes section 0 of the dataset.', examples: [0] }),
  name: z
    .string()
    .regex(
      /^[\p{L}\p{M}\p{N}\p{P}\p{S} ]{1,200}$/u,
      'up to 200 letters, digits, signs and blanks; no control characters',
    )
    .meta({ description: 'What holes and messages call it; unique within the section.', examples: ['r0c0'] }),
  file: z
    .string()
    .min(1)
    .meta({ description: 'The image.', examples: ['tiles/z0000_r0c0.png'] }),
  x: z.number().meta({
    description: "Nominal stage position of the tile's first pixel, in pixels; below 0 and far out as it may be.",
    examples: [0],
  }),
  y: z.number().meta({ description: 'The same along y.', examples: [0] }),
  width: z
    .number()
    .int()
    .positive()
    .meta({ description: 'Of the image, in pixels.', examples: [208] }),
  height: z
    .number()
    .int()
    .positive()
    .meta({ description: 'Of the image, in pixels.', examples: [144] }),
})
export type TileEntry = z.infer<typeof TileEntry>

export const VolumeFormat = z.enum(['precomputed', 'zarr', 'n5'])
export type VolumeFormat = z.infer<typeof VolumeFormat>

const VolumeSource = z.strictObject({
  url: z.string().meta({
    description: 'A folder, http(s):// or gs://, or what viewers paste (docs/import.md).',
    examples: ['https://example.org/em'],
  }),
  format: VolumeFormat.optional().describe('Found out if left out.'),
  mip: z.number().int().nonnegative().default(0).describe('Which of its mips.'),
  box: Box.optional().describe(
    "The part to take, in voxels of that mip in the source's own coordinates; its lower corner becomes the dataset's origin.",
  ),
})
export type VolumeSource = z.infer<typeof VolumeSource>

const Source = z.union(
  [
    z.strictObject({
      phantom: PhantomSpec.describe('A synthetic specimen with its exact truth ([phantom](phantom.md)).'),
    }),
    z.strictObject({
      stack: z.string().meta({
        description:
          'A .npy or .npy.gz of uint8 or uint16, axes z, y, x; a TIFF of several pages; a folder of images, or a pattern such as `slices/*.png`: every slice becomes a section.',
        examples: ['em.npy'],
      }),
    }),
    z.strictObject({
      volume: VolumeSource.describe(
        'A volume of uint8, or of uint16 with stages.ingest.window, that is aligned already, as `hillock import` finds it: every slice becomes a section.',
      ),
    }),
    z.strictObject({
      tiles: z
        .array(TileEntry)
        .min(1)
        .describe('Images with their nominal positions, listed here; long lists go into a layout.'),
    }),
    z.strictObject({
      layout: z.string().meta({
        description:
          'A file that lists the tiles (JSON, CSV or TSV, tile specs of Render, TrakEM2 XML); their files are relative to it.',
        examples: ['tiles/layout.json'],
      }),
    }),
  ],
  { error: 'one of: phantom: {...}, stack: FILE, volume: {...}, tiles: [...], layout: FILE' },
)

export const RunConfig = z.strictObject({
  dataset: slug.meta({
    description: 'Name of the specimen, in lower-case letters, digits and dashes.',
    examples: ['cortex'],
  }),
  bucket: z
    .string()
    .optional()
    .meta({
      description:
        '`gs://bucket/prefix`, or a folder; by default what this HILLOCK_HOME works on, at first a folder in it.',
      examples: ['gs://lab/cortex'],
    }),
  voxelSizeNm: z
    .tuple([nm, nm, nm], { error: 'three lengths in nanometres: x, y, z' })
    .readonly()
    .meta({ description: 'Edges of a voxel along x, y, z, in nanometres.', examples: [[8, 8, 30]] }),
  source: Source.describe(
    'Where the images come from: one of the keys below. `hillock import` writes it for data of others.',
  ),
  grid: z
    .strictObject({
      block: shape.default([128, 128, 64]).describe("Unit of computing, in voxels; anchored at the dataset's origin."),
      region: shape
        .default([128, 128, 128])
        .describe('Unit of orchestration and invalidation, in voxels: a whole number of blocks.'),
    })
    .prefault({})
    .describe('How the work is cut up; no result depends on `region`.'),
  model: z.string().default('models/fib-affinity').describe('Folder of the affinity model, with its card.'),
  through: z
    .enum(['render', 'evaluate'])
    .default('evaluate')
    .describe('Last stage to run; the products of later ones are left out of the release.'),
  stages: StagesConfig.describe('Parameters of the [stages](stages.md).'),
  overrides: z
    .array(
      z.strictObject({
        regions: z
          .array(regionName)
          .min(1)
          .meta({ description: 'Where.', examples: [['3_1_0', '3_2_0']] }),
        stages: z.record(z.string(), z.record(z.string(), z.json())).meta({
          description: 'Keys of `stages` that are others there.',
          examples: [{ agglomerate: { threshold: 0.6 } }],
        }),
      }),
    )
    .default([])
    .describe('Other parameters for some regions, by their grid coordinates: what a patch release is made of.'),
  exclude: z
    .strictObject({
      sections: z
        .array(
          z.strictObject({
            section: z
              .number()
              .int()
              .nonnegative()
              .meta({
                description: 'Its z in the dataset, whose first section is 0 whatever its number in the source.',
                examples: [42],
              }),
            ...because,
          }),
        )
        .default([])
        .describe('Neighbouring sections stand in for these.'),
      boxes: z
        .array(z.strictObject({ box: Box.describe('In voxels of the dataset.'), ...because }))
        .default([])
        .describe('What sections show in these boxes of the aligned volume counts as a gap.'),
    })
    .prefault({})
    .describe('What is known to be wrong in the images; marks of the bucket (`hillock invalidate`) come on top.'),
  evaluate: z
    .strictObject({
      truth: z
        .string()
        .optional()
        .meta({
          description:
            'A .npy or .npy.gz of labels of any integer type, axes z, y, x, in which 0 and negative labels are ignored; or `phantom`: the truth that came with the specimen.',
          examples: ['truth.npy.gz'],
        }),
      offset: voxel.optional().meta({
        description:
          'Voxel of the dataset (x, y, z) at which the first voxel of the truth lies; without it the truth has the shape of the dataset, unless `box` says what to score.',
        examples: [[1024, 512, 0]],
      }),
      box: Box.optional().describe('Only this box of the dataset is scored.'),
      sentinels: z.array(Box).optional().describe('Boxes that a schedule scores again and again.'),
    })
    .prefault({})
    .describe('What the segmentation is scored against.'),
  release: z
    .strictObject({
      channel: z
        .enum(['candidate', 'published'])
        .default('published')
        .describe('Channel that names the release at the end.'),
      approval: z
        .enum(['none', 'required'])
        .default('none')
        .describe('`required`: somebody approves the candidate before it is published.'),
      gate: z
        .strictObject({
          voiSum: z
            .number()
            .positive()
            .optional()
            .meta({ description: 'Largest VOI (split + merge) against the truth, in bits.', examples: [0.7] }),
          arand: z
            .number()
            .positive()
            .optional()
            .meta({ description: 'Largest adapted Rand error against the truth.', examples: [0.1] }),
          tileHoles: share.describe(
            'Largest share of tiles that are missing or set aside; more that cannot be read refuse the run before it starts. A single one is let pass, here and in the next three, unless it is half of all.',
          ),
          chunkHoles: share.describe('Largest share of the voxels of a volume whose chunks are missing or damaged.'),
          sectionHoles: share.describe(
            'Largest share of sections that another one stands in for; those that somebody has excluded do not count.',
          ),
          blockHoles: share.describe('Largest share of blocks that failed on every attempt of a stage.'),
        })
        .prefault({})
        .describe(
          'The release is published by itself only while these hold; never while the EM has one grey value, or there is no segment.',
        ),
    })
    .prefault({})
    .describe('When the release is published, and where.'),
  gates: z
    .array(
      z.strictObject({
        name: slug.meta({ description: 'What `approve` and `reject` call it.', examples: ['canary'] }),
        before: z.enum(stageNames.map(s => stages[s].phase)).describe('The phase of the stage table that waits.'),
        canary: z
          .array(regionName)
          .min(1)
          .optional()
          .meta({
            description: 'These regions of the phase come first, so that the decision can be made on them.',
            examples: [['3_4_1']],
          }),
      }),
    )
    .default([])
    .describe('Where somebody decides before the run goes on.'),
  quarantine: z
    .enum(['declare', 'ask'])
    .default('declare')
    .describe(
      'Blocks that fail for good: `declare` them as holes of the release, or `ask` before the release is made.',
    ),
  budget: Budget.prefault({}).describe('Limits at which the run pauses itself.'),
  price: z
    .strictObject({
      perCpuHour: z.number().nonnegative().default(0.04).describe('Of computing, per core and hour.'),
      perGibMonth: z.number().nonnegative().default(0.02).describe('Of the bucket, per GiB and month.'),
      currency: z.string().default('USD').describe('In which costs are given.'),
    })
    .prefault({})
    .describe('What computing and keeping cost.'),
  slo: z
    .strictObject({
      mvoxelPerSecond: z
        .partialRecord(z.enum(stageNames as [StageName, ...StageName[]]), z.number().positive())
        .default({})
        .describe('Million voxels per second of wall time in which the stage has work in hand.'),
      deadline: z
        .union([z.iso.date(), z.iso.datetime({ offset: true })])
        .optional()
        .meta({ description: 'When the release shall be there.', examples: ['2027-01-31'] }),
    })
    .prefault({})
    .describe('What `hillock slo` holds the run against, beside its budget.'),
  seed: z.number().int().default(0).describe('Of whatever is drawn at random; part of every recipe.'),
})
export type RunConfig = z.infer<typeof RunConfig>

const CHUNK = 64

/** The run file as it holds for one region. */
export function configAt(c: RunConfig, region: string): RunConfig {
  const own = c.overrides.filter(o => o.regions.includes(region))
  if (own.length === 0) return c
  const merged: Record<string, object> = { ...c.stages }
  for (const o of own)
    for (const [stage, given] of Object.entries(o.stages)) merged[stage] = { ...merged[stage], ...given }
  return { ...c, stages: merged as unknown as RunConfig['stages'] }
}

/** Excluded boxes that reach into `box`, or into the sections up to `reach` beyond it that may fill its gaps; as they enter recipes. */
export const boxesNear = (c: RunConfig, { min, max }: Box, reach: number): { box: Box; reason: string }[] => {
  const seen: Box = { min: [min[0], min[1], min[2] - reach], max: [max[0], max[1], max[2] + reach] }
  return c.exclude.boxes.filter(e => !isEmpty(intersect(e.box, seen))).map(({ box, reason }) => ({ box, reason }))
}

/** Excluded sections as they enter recipes. */
export const excludedSections = (c: RunConfig): { section: number; reason: string }[] =>
  c.exclude.sections.map(({ section, reason }) => ({ section, reason }))

/** @throws HillockError ConfigError for what lies outside the dataset. */
export function checkExclude({ sections, boxes }: RunConfig['exclude'], bounds: Box, firstOfSource = 0): void {
  for (const [i, { section }] of sections.entries())
    if (section < bounds.min[2] || section >= bounds.max[2])
      throw new HillockError(
        'ConfigError',
        `exclude.sections.${i}.section: there is no section ${section}; they go from ${bounds.min[2]} to ${bounds.max[2] - 1}${firstOfSource ? ` (section ${firstOfSource} of the source is 0)` : ''}`,
      )
  for (const [i, { box }] of boxes.entries()) checkInside(`exclude.boxes.${i}.box`, box, bounds)
}

/** What a schema of single keys cannot say. @throws HillockError ConfigError naming the path in the file. */
function checkWhole(c: RunConfig): void {
  const fail = (path: string, message: string): never => {
    throw new HillockError('ConfigError', `${path}: ${message}`)
  }
  for (const a of [0, 1, 2] as const) {
    if (c.grid.block[a] % 8 !== 0)
      fail(`grid.block.${a}`, `${c.grid.block[a]} is not a multiple of 8, as the model needs`)
    if (c.grid.region[a] % c.grid.block[a] !== 0)
      fail(`grid.region.${a}`, `${c.grid.region[a]} is not a whole number of blocks of ${c.grid.block[a]}`)
    if (c.grid.region[a] % CHUNK !== 0)
      fail(`grid.region.${a}`, `${c.grid.region[a]} is not a multiple of the chunk edge ${CHUNK}`)
    for (const stage of ['pyramid', 'label-pyramid'] as const)
      if (c.grid.region[a] % c.stages[stage].chunk[a] !== 0)
        fail(
          `stages.${stage}.chunk.${a}`,
          `regions of ${c.grid.region[a]} voxels are not whole chunks of ${c.stages[stage].chunk[a]}`,
        )
  }
  for (const [i, o] of c.overrides.entries())
    for (const [name, given] of Object.entries(o.stages)) {
      const path = `overrides.${i}.stages.${name}`
      const row = stages[name as StageName] as StageRow | undefined
      if (!row) fail(path, `unknown stage${didYouMean(nearest(name, stageNames))}`)
      else if (row.scope !== 'region' && name !== 'agglomerate') fail(path, 'this stage is not one of a region')
      else {
        const parsed = row.parameters.safeParse({ ...(c.stages[name as StageName] as object), ...given })
        if (!parsed.success) fail(path, explain(parsed.error.issues, row.parameters).join('; '))
      }
    }
  for (const [i, g] of c.gates.entries()) {
    const names = c.gates.map(o => o.name)
    if (names.indexOf(g.name) < i || g.name === 'release' || g.name === 'quarantine')
      fail(`gates.${i}.name`, `there is another gate ${g.name}`)
    const odd = stageNames.find(s => stages[s].phase === g.before && stages[s].scope !== 'region')
    if (g.canary && odd) fail(`gates.${i}.canary`, `phase ${g.before} does not go region by region: ${odd} does not`)
    if (g.before === 'release') fail(`gates.${i}.before`, 'the release has a gate of its own: release.approval')
  }
  if ('phantom' in c.source && c.evaluate.box)
    checkInside('evaluate.box', c.evaluate.box, { min: [0, 0, 0], max: c.source.phantom.size })
  if (!('phantom' in c.source) && c.evaluate.truth === 'phantom')
    fail('evaluate.truth', 'the source is not a phantom, so it has no truth of its own')
}

/** @throws HillockError ConfigError when `box` reaches outside `bounds`. */
export function checkInside(path: string, box: Box, bounds: Box): void {
  const bad = [0, 1, 2].find(a => box.min[a]! < bounds.min[a]! || box.max[a]! > bounds.max[a]!)
  if (bad !== undefined)
    throw new HillockError(
      'ConfigError',
      `${path}: ${'xyz'[bad]} from ${box.min[bad]} to ${box.max[bad]} lies outside the dataset, which reaches from ${bounds.min[bad]} to ${bounds.max[bad]}`,
    )
}

/** Sets `a.b.c` of a plain object tree, making what is missing on the way. @throws HillockError ConfigError for a name where a list has numbers */
export function setPath(tree: Record<string, unknown>, path: string, value: unknown): void {
  const keys = path.split('.')
  let at = tree
  for (const [i, k] of keys.entries()) {
    if (Array.isArray(at) && !/^\d{1,6}$/.test(k))
      throw new HillockError(
        'ConfigError',
        `${path}: ${keys.slice(0, i).join('.')} is a list: ${k} is no place in it, the first one is 0`,
      )
    if (i === keys.length - 1) at[k] = value
    else if (!Object.hasOwn(at, k) || at[k] === null || typeof at[k] !== 'object') at[k] = {}
    at = at[k] as Record<string, unknown>
  }
}

const issuePath = (i: z.core.$ZodIssue): string => i.path.map(String).join('.') || '(top of the file)'

/** @param schema whose keys a misspelt one may have meant */
function explain(issues: readonly z.core.$ZodIssue[], schema: z.ZodType): string[] {
  return issues.flatMap(i => {
    if (i.code === 'unrecognized_keys')
      return i.keys.map(k => `${[...i.path, k].join('.')}: unknown key${suggestion(schema, i.path, k)}`)
    // Of a union the branch that got furthest says what is wrong; the others are noise.
    if (i.code === 'invalid_union') {
      const best = i.errors.toSorted((a, b) => depth(b) - depth(a))[0]
      if (best && depth(best) > 0)
        return explain(
          best.map(e => ({ ...e, path: [...i.path, ...e.path] })),
          schema,
        )
    }
    return [`${issuePath(i)}: ${i.message}`]
  })
}
const depth = (issues: readonly z.core.$ZodIssue[]): number =>
  Math.max(0, ...issues.map(i => i.path.length)) -
  (issues.some(i => i.code === 'unrecognized_keys' && i.path.length === 0) ? 9 : 0)

/**
 * Checks a parsed run file and fills in the defaults.
 * @throws HillockError ConfigError with one line per wrong key: path in the file, what is wrong.
 */
export function parseRunConfig(raw: unknown, file: string): RunConfig {
  const parsed = RunConfig.safeParse(raw)
  if (!parsed.success)
    throw new HillockError(
      'ConfigError',
      `${file} is not a valid run file:\n  ${explain(parsed.error.issues, RunConfig).join('\n  ')}`,
    )
  try {
    checkWhole(parsed.data)
  } catch (e) {
    throw new HillockError('ConfigError', `${file} is not a valid run file:\n  ${(e as Error).message}`)
  }
  return parsed.data
}
