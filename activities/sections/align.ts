// align: one displacement field per section, slab by slab of sections; bad sections are excluded by name.
import { excludedSections } from '../../domain/config.ts'
import type { Outcome } from '../../domain/contract/artifacts.ts'
import type { ArtifactRef } from '../../domain/lineage.ts'
import type { Hole } from '../../domain/release.ts'
import type { Alignment } from '../../domain/releases/alignment.ts'
import type { DatasetTask } from '../../domain/contract/activities.ts'
import type { Lattice, Residuals, SectionMatch, SectionPair } from '../../kernels/sections/section-types.ts'
import type { Turned } from '../../kernels/sections/turned.ts'
import { arrays, readArrays } from '../segmentation/agglomerate.ts'
import type { Deps } from '../context.ts'
import { madeBy, nodesOf } from '../gather.ts'
import { progress } from '../meter.ts'
import { contents, json, ofDataset, produce } from '../produce.ts'
import { readJson, sectionReader } from './sections.ts'
import { configOf } from '../documents.ts'
import { identityPlan, planAlignment, solveSlab, zeroField } from '../../kernels/sections/align.ts'
import { median } from '../../kernels/sections/least-squares.ts'

export async function align(deps: Deps, task: DatasetTask): Promise<Outcome> {
  const { bounds } = task.context
  const config = await configOf(deps, task.context.config)
  const stitched = await madeBy(deps, task, 'stitch')
  const matched = await madeBy(deps, task, 'match')
  const { method, ...params } = config.stages.align
  const excluded = excludedSections(config)
  const exclude = excluded.length ? { exclude: excluded } : {}
  const reasons = new Map(excluded.map(e => [e.section, e.reason]))
  const order = ofDataset(
    'align',
    method === 'none' ? { method, ...exclude } : { ...config.stages.align, ...exclude },
    { ...contents('stitch', stitched), ...(method === 'none' ? {} : contents('match', matched)) },
  )
  return produce(deps, config, order, async put => {
    const section = await sectionReader(deps, await nodesOf(deps, task, 'stitch'))
    const extents = []
    for (let z = 0; z < bounds.max[2]; z++) {
      const { stitch } = await section(z)
      const reason = reasons.get(z)
      extents.push({
        z,
        bounds: stitch?.bounds ?? null,
        ...(stitch ? { focus: stitch.focus } : {}),
        ...(reason === undefined ? {} : { excluded: reason }),
      })
      progress(z, bounds.max[2])
    }
    // Of the matches no more is held than one slab needs.
    const matchOf = (ref: ArtifactRef): Promise<SectionMatch | null> => readJson(deps, ref, 'match.json')
    const pairs = []
    const wrongly = new Map<number, string>()
    for (const [key, ref] of method === 'none' ? [] : Object.entries(matched)) {
      const [a, b] = key.split('-').map(Number) as [number, number]
      const match = await matchOf(ref)
      if (!match) continue
      pairs.push({ a, b, ref, match: { agreement: match.agreement } })
      if (match.agreement < params.minAgreement) {
        const { turned } = (await deps.artifacts.open(ref)).lineage.summary as { turned?: Turned }
        if (turned)
          for (const [z, other] of [
            [a, b],
            [b, a],
          ] as const)
            wrongly.set(z, wayRound(turned, z === b, other))
      }
      progress(pairs.length, pairs.length + 1)
    }
    const plan =
      method === 'none'
        ? identityPlan(
            extents.map(e => e.z),
            excluded.map(e => ({ z: e.section, reason: e.reason })),
          )
        : await deps.compute(planAlignment, [pairs, extents, params])
    const residuals: Residuals[] = []
    const placed = new Set<number>()
    const figures = new Map<number, { residualPx: number; movedPx: number }>()
    const place = async (source: number, field: Lattice<Float32Array>): Promise<void> => {
      for (const s of plan.sections) if (s.source === source) await put(`fields/${s.z}.bin`, fieldBytes(field))
      placed.add(source)
    }
    for (const slab of plan.slabs) {
      const around = new Set(slab.around)
      const used: SectionPair[] = []
      for (const { a, b, ref } of pairs)
        if (around.has(a) && around.has(b)) used.push({ a, b, match: (await matchOf(ref))! })
      const { fields, residualPx, bySection } = await deps.compute(solveSlab, [used, slab, plan.grid, params])
      for (const [z, field] of fields) {
        await place(z, field)
        const movedPx = median(Array.from(field.dx, (dx, k) => Math.hypot(dx, field.dy[k]!)))
        figures.set(z, { residualPx: bySection.get(z)!.median, movedPx })
      }
      residuals.push(residualPx)
      progress(placed.size, plan.sections.length)
    }
    for (const { source } of plan.sections) if (!placed.has(source)) await place(source, zeroField())
    const holes = plan.sections.flatMap(({ z, source, excluded }): Hole[] => {
      if (excluded === undefined) return []
      const how = wrongly.get(z)
      const reason = `${excluded}${how ? ` (${how})` : ''}; ${source === z ? 'nothing' : `section ${source}`} stands in`
      return [{ stage: 'align', what: `section ${z}`, reason }]
    })
    const summary: Alignment = {
      sections: plan.sections.map(({ z, source, excluded }) => {
        const { residualPx, movedPx } = figures.get(z) ?? { residualPx: null, movedPx: null }
        return { z, source, excluded: excluded ?? null, residualPx, movedPx }
      }),
    }
    await put('alignment.json', json(summary))
    const residual = pairs.length
      ? { residualPx: median(residuals.map(r => r.median)), maxResidualPx: Math.max(...residuals.map(r => r.max)) }
      : {}
    return {
      voxels: bounds.max[0] * bounds.max[1] * bounds.max[2],
      summary: { excluded: holes.length, ...residual },
      holes,
    }
  })
}

/** How a section lies beside another that it would match if it were laid otherwise. */
function wayRound({ degrees, dx, dy }: Turned, later: boolean, other: number): string {
  const by = later ? degrees : -degrees
  if (by !== 0)
    return `turned against section ${other} by about ${Math.abs(by)} degrees ${by > 0 ? '' : 'counter'}clockwise: turn its images back`
  return `moved against section ${other} by about ${later ? dx : -dx}, ${later ? dy : -dy} pixels: correct its positions or raise stages.match.maxShiftPx`
}

const fieldBytes = (f: Lattice<Float32Array>): Uint8Array =>
  arrays({ dx: f.dx, dy: f.dy, lattice: Float64Array.of(f.spacing, f.nx, f.ny, f.x0, f.y0) })

export async function readField(deps: Deps, ref: ArtifactRef, z: number): Promise<Lattice<Float32Array>> {
  const { dx, dy, lattice } = await readArrays<{ dx: Float32Array; dy: Float32Array; lattice: Float64Array }>(
    deps,
    ref,
    `fields/${z}.bin`,
  )
  const [spacing, nx, ny, x0, y0] = lattice as unknown as [number, number, number, number, number]
  return { spacing, nx, ny, x0, y0, dx, dy }
}
