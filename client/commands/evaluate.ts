// `hillock evaluate RELEASE --truth VOLUME`.
import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { queues, workflowIds } from '../../domain/contract.ts'
import { HillockError } from '../../domain/errors.ts'
import type { evaluation } from '../../workflows/evaluation.ts'
import { bucket, findRelease } from '../catalogue.ts'
import { connect } from '../connection.ts'
import { causeOf } from '../execute.ts'
import { onceName } from '../names.ts'
import { ensureStack } from '../stack.ts'

export async function evaluate(name: string, o: { json?: boolean; truth: string; offset?: string }): Promise<void> {
  const r = await findRelease(bucket(), name)
  const truth = resolve(o.truth)
  if (!existsSync(truth)) throw new HillockError('ConfigError', `--truth ${o.truth}: no such file`)
  const offset = o.offset?.split(',').map(Number) as [number, number, number] | undefined
  if (offset && (offset.length !== 3 || !offset.every(Number.isSafeInteger)))
    throw new HillockError('ConfigError', `--offset ${o.offset}: three whole numbers, as x,y,z`)
  const { stack } = await ensureStack()
  const client = await connect(stack.temporal)
  const { quality: q } = await client.workflow
    .execute<typeof evaluation>('evaluation', {
      workflowId: workflowIds.evaluate(r.dataset, r.release, onceName(new Date())),
      taskQueue: queues.workflow,
      args: [{ dataset: r.dataset, release: r.release, truth, ...(offset && { offset }) }],
      searchAttributes: { HillockDataset: [r.dataset], HillockRelease: [r.release] },
    })
    .catch((e: unknown) => {
      throw causeOf(e)
    })
  if (o.json) console.log(JSON.stringify({ dataset: r.dataset, release: r.release, truth, quality: q }))
  else
    console.log(
      `VOI split ${q.voiSplit?.toFixed(3)} + merge ${q.voiMerge?.toFixed(3)} = ${q.voiSum?.toFixed(3)} bits, ARAND ${q.arand?.toFixed(3)} (${q.segments} segments, ${q.objects} true objects)`,
    )
  process.exit(0)
}
