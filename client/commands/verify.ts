// `hillock verify [RELEASE]`: is every byte that it rests on still the one that its digest names?
import { isHillockError } from '../../domain/errors.ts'
import { bucket, findRelease } from '../catalogue.ts'
import { ticker } from '../progress.ts'
import { clock } from '../report.ts'
import { verify as check, type Verified } from '../verify.ts'

interface Options {
  readonly json?: boolean
  readonly all?: boolean
}

export async function verify(name: string | undefined, o: Options): Promise<void> {
  const started = Date.now()
  const objects = bucket()
  const { tick, end } = ticker()
  const report = (await (name === undefined ? undefined : findRelease(objects, name).catch(damaged))) ?? undefined
  const result: Verified =
    report && 'why' in report
      ? { findings: [report], objects: 0, bytes: 0, unarchived: [] }
      : await check(objects, report, { all: o.all === true, progress: tick })
  end()
  const { findings, unarchived } = result
  const seconds = (Date.now() - started) / 1000
  if (o.json) console.log(JSON.stringify({ ...result, seconds, ok: findings.length === 0 }))
  else {
    console.log(
      `${result.objects} objects with ${(result.bytes / 1e6).toFixed(1)} MB of data are what their digests say (${clock(seconds)})`,
    )
    for (const run of unarchived) console.log(`the histories of ${run} are not archived (yet)`)
    for (const f of findings) console.log(`${f.what}: ${f.why}`)
    if (findings.length > 0 && !o.all) console.log('stopped there; --all goes on')
  }
  process.exit(findings.length === 0 ? 0 : 1)
}

/** Where the manifest or a channel is damaged, that is the finding. */
function damaged(e: unknown): { what: string; why: string } {
  if (!isHillockError(e, 'MissingArtifact')) throw e
  return { what: String(e.details['name']), why: e.message }
}
