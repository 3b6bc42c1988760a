// `hillock evaluate RELEASE --truth VOLUME`.
import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { workflowIds } from '../../domain/contract/names.ts'
import { configError } from '../../domain/errors.ts'
import type { evaluation } from '../../workflows/housekeeping/evaluation.ts'
import { isShared, noSecret } from '../../storage/foreign/inputs.ts'
import { bucket, findRelease } from '../catalogue.ts'
import { call, onStack } from '../call.ts'
import { truthWithoutPath } from '../inputs.ts'
import { onceName } from '../names.ts'
import { say, segmentationLines, type JsonOption } from '../report.ts'

export async function evaluate(
  name: string,
  o: JsonOption & { truth: string; offset?: string; ignore?: string },
): Promise<void> {
  const { dataset, release } = await findRelease(bucket(), name)
  const named = isShared(o.truth) ? noSecret(o.truth) : resolve(o.truth)
  if (!isShared(named) && !existsSync(named)) throw configError(`--truth ${o.truth}: no such file`)
  const offset = o.offset?.split(',').map(Number) as [number, number, number] | undefined
  if (offset && (offset.length !== 3 || !offset.every(Number.isSafeInteger)))
    throw configError(`--offset ${o.offset}: three whole numbers, as x,y,z`)
  const ignore = o.ignore?.split(',').map(Number)
  if (ignore && !ignore.every(l => Number.isSafeInteger(l) && l > 0))
    throw configError(`--ignore ${o.ignore}: labels above 0, as 249,255`)
  const { client } = await onStack()
  const truth = await truthWithoutPath(named)
  const about = { dataset, release }
  const id = workflowIds.evaluate(dataset, release, onceName(new Date()))
  const input = { ...about, truth, ...(offset && { offset }), ...(ignore && { ignore }) }
  const { quality: q } = await call<typeof evaluation>(client, 'evaluation', id, [input], about)
  say(o, { ...about, truth, quality: q }, segmentationLines(q).join('\n'))
}
