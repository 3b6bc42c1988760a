// `hillock release diff A B`: regions, segments, synapses, quality, holes and cost of two releases.
import { amount } from '../../domain/slo/cost.ts'
import { workflowIds } from '../../domain/contract/names.ts'
import type { ReleaseDiff } from '../../domain/plan/diff.ts'
import { configError } from '../../domain/errors.ts'
import { getRaw } from '../../storage/raw.ts'
import type { diff as diffWorkflow } from '../../workflows/housekeeping/diff.ts'
import { bucket, findRelease } from '../catalogue.ts'
import { call, onStack } from '../call.ts'
import { onceName } from '../names.ts'
import { say, type JsonOption } from '../report.ts'

/** Longest list that is printed; the JSON has all. */
const SHOWN = 8

export async function diff(first: string, second: string, o: JsonOption): Promise<void> {
  const objects = bucket()
  const [a, b] = await Promise.all([first, second].map(name => findRelease(objects, name)))
  if (a!.dataset !== b!.dataset) throw configError(`${first} is a release of ${a!.dataset}, ${second} of ${b!.dataset}`)
  const [from, to] = [a!, b!].map(r => (r.offset ?? [0, 0, 0]).join(', '))
  if (from !== to)
    throw configError(
      `${first} begins at ${from} of its source and ${second} at ${to}: their voxels cannot be compared one by one`,
    )
  const { client } = await onStack()
  const input = { dataset: a!.dataset, before: a!.release, after: b!.release }
  const id = workflowIds.diff(input, onceName(new Date()))
  const about = { dataset: input.dataset, release: input.after }
  const digest = await call<typeof diffWorkflow>(client, 'diff', id, [input], about)
  const found = JSON.parse(Buffer.from(await getRaw(objects, digest)).toString()) as ReleaseDiff
  say(o, found, diffLines(found))
}

function diffLines(d: ReleaseDiff): string[] {
  const few = <T>(list: readonly T[], show: (t: T) => string, what: string): string[] => [
    ...list.slice(0, SHOWN).map(t => `  ${what} ${show(t)}`),
    ...(list.length > SHOWN ? [`  ${what}: ${list.length - SHOWN} more (--json)`] : []),
  ]
  const lines = [`${d.dataset}: ${d.before} -> ${d.after}`]
  for (const [layer, { differ, of }] of Object.entries(d.layers))
    lines.push(
      `  ${layer.padEnd(13)} ${differ.length} of ${of} differ${differ.length ? `: ${differ.slice(0, SHOWN).join(', ')}${differ.length > SHOWN ? ', ...' : ''}` : ''}`,
    )
  if (d.segments) {
    const s = d.segments
    lines.push(
      `segments: ${s.split.length} split, ${s.merged.length} merged, ${s.new.length} new, ${s.gone.length} gone, ${s.renamed.length} under another id`,
      ...few(s.split, x => `${x.segment} into ${x.into.join(', ')}`, 'split'),
      ...few(s.merged, x => `${x.from.join(', ')} into ${x.segment}`, 'merged'),
      ...few(s.new, String, 'new'),
      ...few(s.gone, String, 'gone'),
    )
  }
  if (d.synapses) {
    const show = (s: (typeof d.synapses.gone)[number]): string =>
      `${s.x.toFixed(0)}, ${s.y.toFixed(0)}, ${s.z.toFixed(0)}: ${s.pre} -> ${s.post}`
    lines.push(
      `synapses: ${d.synapses.new.length} new, ${d.synapses.gone.length} gone`,
      ...few(d.synapses.new, show, 'new'),
      ...few(d.synapses.gone, show, 'gone'),
    )
  }
  for (const [k, { before, after }] of Object.entries(d.quality))
    lines.push(`${k}: ${before?.toFixed(4) ?? 'none'} -> ${after?.toFixed(4) ?? 'none'}`)
  for (const h of d.holes.new) lines.push(`hole, new: ${h.stage} ${h.what}: ${h.reason}`)
  for (const h of d.holes.gone) lines.push(`hole, gone: ${h.stage} ${h.what}: ${h.reason}`)
  return [...lines, `cost: ${amount(d.cost.before)} -> ${amount(d.cost.after)}`]
}
