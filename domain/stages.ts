// The stage table: what every step is, as plain frozen data; what needs to know of stages is derived from it.
import { z } from 'zod'
import { ownStages } from './own-stages.ts'
import { images } from './stages/images.ts'
import { objects } from './stages/objects.ts'
import { cpu, type Layer, type StageRow } from './stages/row.ts'
import { segmentation } from './stages/segmentation.ts'

/** Attempts that Temporal gives an activity beyond those of its policy, for workers that are told to end or are killed meanwhile: as good as any number. */
export const SPARE = 100_000

/** The layer that every release has. */
export const EM = 'em'

const rows = { ...images, ...segmentation, ...objects }

export type StageName = keyof typeof rows

const freeze = <T extends object>(o: T): T => {
  for (const v of Object.values(o)) if (v !== null && typeof v === 'object' && !(v instanceof z.ZodType)) freeze(v)
  return Object.freeze(o)
}
const own = Object.entries(ownStages()).map(([s, row]) => [s, { ...cpu, ...row }] as const)
for (const [s] of own) if (s in rows) throw new Error(`stage ${s} is in the table already: give yours another name`)
const all = { ...rows, ...Object.fromEntries(own) }
export const stages: { readonly [S in StageName]: StageRow } = freeze(all)
export const stageNames = Object.keys(all) as StageName[]

/** @throws Error where a row asks for what no run could give it */
function checkTable(): void {
  const phases = [...new Set(stageNames.map(s => stages[s].phase))]
  for (const s of stageNames)
    for (const input of stages[s].inputs) {
      const read = stages[input.replace(/[+<>]$/, '') as StageName] as StageRow | undefined
      if (!read) throw new Error(`stage ${s} reads ${input}, which is no stage`)
      // Neighbours are only there when their phase is over.
      if (input.endsWith('+') && phases.indexOf(read.phase) >= phases.indexOf(stages[s].phase))
        throw new Error(`stage ${s} reads ${input} of neighbours, so its phase must come after ${read.phase}`)
    }
}
checkTable()

/** Stages of some scopes. */
export type StagesOf<Sc extends StageRow['scope']> = {
  [S in StageName]: (typeof rows)[S]['scope'] extends Sc ? S : never
}[StageName]

export type LayerRow = Layer & { readonly stage: StageName }
export type VolumeRow = Extract<LayerRow, { readonly regions: string }>

/** Layers that a release may have, in the order of the table, with the stages that make them. */
export const layers: readonly LayerRow[] = stageNames.flatMap(stage =>
  (stages[stage].layers ?? []).map(l => ({ ...l, stage })),
)
type Made = { [S in StageName]: (typeof rows)[S] extends { layers: readonly { regions: string }[] } ? S : never }
/** Stages that make mips of a volume. */
export type VolumeStage = Made[StageName]
/** What the voxels are of the volume that regions hold of a stage. */
export type DtypeOf<S extends StageName> = (typeof rows)[S] extends {
  volume: { dtype: infer D extends 'uint8' | 'uint64' }
}
  ? D
  : never
type Listed = { [S in StageName]: (typeof rows)[S] extends { layers: readonly (infer L)[] } ? L : never }[StageName]
export type LayerName = Listed['layer']
/** Those that are volumes. */
export type VolumeName = Extract<Listed, { readonly regions: string }>['layer']

/** Roles in which a run file may name a model. */
export const roles: readonly string[] = [...new Set(stageNames.flatMap(s => stages[s].model?.role ?? []))]

/** Whether overrides of regions count for a stage. */
export const isRegional = (s: StageName): boolean => stages[s].scope === 'region' || stages[s].overrides !== undefined

/** Schema of the `stages` section of a run file: parameters by stage, every key optional, unknown keys refused. */
export const StagesConfig = z
  .strictObject(
    Object.fromEntries(stageNames.map(s => [s, all[s].parameters])) as {
      [S in StageName]: (typeof rows)[S]['parameters']
    },
  )
  .prefault({} as never)

/** How a stage that makes a layer of volumes is to lay it out. */
export const layoutOf = (c: { readonly stages: z.infer<typeof StagesConfig> }, stage: StageName) =>
  c.stages[stage as VolumeStage]
