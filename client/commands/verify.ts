// `hillock verify [RELEASE]`: is every byte that it rests on still the one that its digest names?
import { isHillockError } from '../../domain/errors.ts'
import { duration } from '../../domain/slo/cost.ts'
import { readPublicKey } from '../../storage/provenance/envelope.ts'
import { bucket, locate } from '../catalogue.ts'
import { say, ticker, type JsonOption } from '../report.ts'
import { line, verify as check, type Finding } from '../verify.ts'

interface Options extends JsonOption {
  readonly all?: boolean
  readonly key?: string
}

export async function verify(name: string | undefined, o: Options): Promise<void> {
  const started = Date.now()
  const key = o.key === undefined ? undefined : readPublicKey(o.key)
  const objects = bucket()
  const { tick, end } = ticker()
  const damaged: Finding[] = []
  const where =
    name === undefined
      ? undefined
      : await locate(objects, name, e => damaged.push(asFinding(e))).catch((e: unknown) => {
          // A channel that cannot be read names nothing: that is the finding.
          if (damaged.length === 0) throw e
        })
  const nowhere = { findings: [] as Finding[], objects: 0, bytes: 0, unproven: [] as Finding[] }
  const checked =
    name !== undefined && !where
      ? nowhere
      : await check(objects, where ?? undefined, { all: o.all === true, progress: tick, key })
  const others = damaged.filter(d => !checked.findings.some(f => f.what === d.what))
  const result = { ...checked, findings: [...others, ...checked.findings] }
  end()
  const { findings, unproven } = result
  const seconds = (Date.now() - started) / 1000
  say(o, { ...result, seconds, ok: findings.length === 0 }, [
    `${result.objects} objects with ${(result.bytes / 1e6).toFixed(1)} MB of data are what their digests say (${duration(seconds)})`,
    ...unproven.map(f => `not proved: ${f.what}: ${f.why}; \`hillock audit\` asks Temporal`),
    ...findings.map(line),
    ...(findings.length > 0 && !o.all ? ['stopped there; --all goes on'] : []),
  ])
  if (findings.length > 0) process.exitCode = 1
}

function asFinding(e: unknown): Finding {
  if (!isHillockError(e, 'MissingArtifact')) throw e
  return { what: String(e.details['name']), why: e.message }
}
