// The run file: one YAML document that says what is reconstructed, with which parameters; refused as a whole if a key is wrong.
import { z } from 'zod'
import { Budget } from './control.ts'
import { configError } from './errors.ts'
import { Box, intersect, isEmpty, Shape, Vec3 } from './geometry.ts'
import { checkWhole, explain, withModel } from './run-file/check.ts'
import { Source } from './run-file/source.ts'
import { roles, stageNames, stages, StagesConfig, type StageName } from './stages.ts'
import { about, count, fraction, int, params, positive, regionName } from './values.ts'

const slug = z.string().regex(/^[a-z0-9][a-z0-9-]{0,62}$/, 'lower-case letters, digits and dashes')
const nm = z
  .number({ error: 'a length in nanometres, as a plain number (8, not "8 nm")' })
  .positive()
  .max(1000, 'a voxel is given in nanometres: this one would be longer than a micron')
/** Of what is listed, as a fraction. */
const share = fraction.default(0.05)

const because = {
  reason: z.string().min(1).meta(about('Why: plans, holes and lineage repeat it.', 'knife mark')),
  mark: z
    .string()
    .optional()
    .meta(
      about(
        'Set where a mark of the bucket put it here, as in the run file that a release names: it goes when the mark is lifted.',
        'section-42-1a2b3c4d',
      ),
    ),
}

/** A stage that needs a model is left out where none is named. */
const folderOf = (role: string): z.ZodOptional<z.ZodString> =>
  z
    .string()
    .optional()
    .meta(
      about(
        `Folder of the model of ${stageNames.filter(s => stages[s].model?.role === role).join(', ')}, with its card.`,
        `models/${role}`,
      ),
    )

export const RunConfig = z.strictObject({
  dataset: slug.meta(about('Name of the specimen, in lower-case letters, digits and dashes.', 'cortex')),
  bucket: z
    .string()
    .optional()
    .meta(
      about(
        '`gs://bucket/prefix`, or a folder; by default what this HILLOCK_HOME works on, at first a folder in it.',
        'gs://lab/cortex',
      ),
    ),
  voxelSizeNm: z
    .tuple([nm, nm, nm], { error: 'three lengths in nanometres: x, y, z' })
    .readonly()
    .meta(about('Edges of a voxel along x, y, z, in nanometres.', [8, 8, 30])),
  source: Source.describe(
    'Where the images come from: one of the keys below. `hillock import` writes it for data of others.',
  ),
  grid: params({
    block: Shape.default([128, 128, 64]).describe("Unit of computing, in voxels; anchored at the dataset's origin."),
    region: Shape.default([128, 128, 128]).describe(
      'Unit of orchestration and invalidation, in voxels: a whole number of blocks.',
    ),
  }).describe('How the work is cut up; no result depends on `region`, but for the default of `stages.affinity.block`.'),
  model: z
    .string()
    .optional()
    .meta(
      about(
        'Folder of the affinity model, with its card; a path or a URL. By default the newest of `models/` in the checkout that is for voxels of this size ([models](models.md)).',
        'models/fib-affinity',
      ),
    ),
  models: z
    .strictObject(Object.fromEntries(roles.map(r => [r, folderOf(r)])))
    .optional()
    .describe('Models by role ([models](models.md)); `affinity` is the same as `model`.'),
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
          .meta(about('Where.', ['3_1_0', '3_2_0'])),
        stages: z
          .record(z.string(), z.record(z.string(), z.json()))
          .meta(about('Keys of `stages` that are others there.', { agglomerate: { threshold: 0.6 } })),
      }),
    )
    .default([])
    .describe('Other parameters for some regions, by their grid coordinates: what a patch release is made of.'),
  exclude: params({
    sections: z
      .array(
        z.strictObject({
          section: count.meta(
            about('Its z in the dataset, whose first section is 0 whatever its number in the source.', 42),
          ),
          ...because,
        }),
      )
      .default([])
      .describe('Neighbouring sections stand in for these.'),
    boxes: z
      .array(z.strictObject({ box: Box.describe('In voxels of the dataset.'), ...because }))
      .default([])
      .describe('What sections show in these boxes of the aligned volume counts as a gap.'),
  }).describe('What is known to be wrong in the images; marks of the bucket (`hillock invalidate`) come on top.'),
  evaluate: params({
    truth: z
      .string()
      .optional()
      .meta(
        about(
          'Labels of any integer type, in which 0 and negative ones are ignored: a .npy or .npy.gz, axes z, y, x, a TIFF of several pages, or a folder of images, one a section; or `phantom`: the truth that came with the specimen.',
          'truth.npy.gz',
        ),
      ),
    ignore: z
      .array(int.positive())
      .optional()
      .meta(about('Labels of the truth that stand for no object, such as membrane.', [255])),
    offset: Vec3.optional().meta(
      about(
        'Voxel of the dataset (x, y, z) at which the first voxel of the truth lies; without it the truth has the shape of the dataset, unless `box` says what to score.',
        [1024, 512, 0],
      ),
    ),
    box: Box.optional().describe('Only this box of the dataset is scored.'),
    sentinels: z.array(Box).optional().describe('Boxes that a schedule scores again and again.'),
  }).describe('What the segmentation is scored against.'),
  release: params({
    channel: z
      .enum(['candidate', 'published'])
      .default('published')
      .describe('Channel that names the release at the end.'),
    approval: z
      .enum(['none', 'required'])
      .default('none')
      .describe('`required`: somebody approves the candidate before it is published.'),
    gate: params({
      voiSum: positive.optional().meta(about('Largest VOI (split + merge) against the truth, in bits.', 0.7)),
      arand: positive.optional().meta(about('Largest adapted Rand error against the truth.', 0.1)),
      tileHoles: share.describe(
        'Largest share of tiles that are missing or set aside; more that cannot be read refuse the run before it starts. A single one is let pass, here and in the next three, unless it is half of all.',
      ),
      chunkHoles: share.describe('Largest share of the voxels of a volume whose chunks are missing or damaged.'),
      sectionHoles: share.describe(
        'Largest share of sections that another one stands in for; those that somebody has excluded do not count.',
      ),
      blockHoles: share.describe(
        'Largest share of the blocks, or of the regions, of a stage that failed on every attempt.',
      ),
    }).describe(
      'The release is published by itself only while these hold; never while the EM has one grey value, or there is no segment.',
    ),
  }).describe('When the release is published, and where.'),
  gates: z
    .array(
      z.strictObject({
        name: slug.meta(about('What `approve` and `reject` call it.', 'canary')),
        before: z
          .enum(stageNames.filter(s => !stages[s].directory).map(s => stages[s].phase))
          .describe('The phase of the stage table that waits.'),
        canary: z
          .array(regionName)
          .min(1)
          .optional()
          .meta(about('These regions of the phase come first, so that the decision can be made on them.', ['3_4_1'])),
      }),
    )
    .default([])
    .describe('Where somebody decides before the run goes on.'),
  quarantine: z
    .enum(['declare', 'ask'])
    .default('declare')
    .describe(
      'Blocks and regions that fail for good: `declare` them as holes of the release, or `ask` before the release is made.',
    ),
  budget: Budget.prefault({}).describe('Limits at which the run pauses itself.'),
  share: z
    .number()
    .min(0.001)
    .max(1000)
    .optional()
    .meta(
      about(
        'Share of the workers when other datasets wait for them too, as a weight (fairness weight of Temporal): 1 if left out.',
        2,
      ),
    ),
  price: params({
    perCpuHour: z.number().nonnegative().default(0.04).describe('Of computing, per core and hour.'),
    perGibMonth: z.number().nonnegative().default(0.02).describe('Of the bucket, per GiB and month.'),
    currency: z.string().default('USD').describe('In which costs are given.'),
  }).describe('What computing and keeping cost.'),
  slo: params({
    mvoxelPerSecond: z
      .partialRecord(z.enum(stageNames as [StageName, ...StageName[]]), positive)
      .default({})
      .describe('Million voxels per second of wall time in which the stage has work in hand.'),
    deadline: z
      .union([z.iso.date(), z.iso.datetime({ offset: true })])
      .optional()
      .meta(about('When the release shall be there.', '2027-01-31')),
  }).describe('What `hillock slo` holds the run against, beside its budget.'),
  seed: int.default(0).describe('Of whatever is drawn at random; part of every recipe.'),
})
export type RunConfig = z.infer<typeof RunConfig>

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

/** Sets `a.b.c` of a plain object tree, making what is missing on the way. @throws HillockError ConfigError for a name where a list has numbers */
export function setPath(tree: Record<string, unknown>, path: string, value: unknown): void {
  const keys = path.split('.')
  let at = tree
  for (const [i, k] of keys.entries()) {
    if (Array.isArray(at) && !/^\d{1,6}$/.test(k))
      throw configError(`${path}: ${keys.slice(0, i).join('.')} is a list: ${k} is no place in it, the first one is 0`)
    if (i === keys.length - 1) at[k] = value
    else if (!Object.hasOwn(at, k) || at[k] === null || typeof at[k] !== 'object') at[k] = {}
    at = at[k] as Record<string, unknown>
  }
}

/**
 * Checks a parsed run file and fills in the defaults.
 * @throws HillockError ConfigError with one line per wrong key: path in the file, what is wrong.
 */
export function parseRunConfig(raw: unknown, file: string): RunConfig {
  const parsed = RunConfig.safeParse(raw)
  if (!parsed.success)
    throw configError(`${file} is not a valid run file:\n  ${explain(parsed.error.issues, RunConfig).join('\n  ')}`)
  const config = withModel(parsed.data, raw, file)
  try {
    checkWhole(config)
  } catch (e) {
    throw configError(`${file} is not a valid run file:\n  ${(e as Error).message}`)
  }
  return config
}
