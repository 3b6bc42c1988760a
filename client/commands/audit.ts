// `hillock audit RELEASE`: is what the release claims of itself true, and would it come out the same again?
import { randomUUID } from 'node:crypto'
import { canonicalJson, type Json } from '../../domain/canonical.ts'
import { configError } from '../../domain/errors.ts'
import { sha256 } from '../../domain/recipe.ts'
import { manifestDigest } from '../../domain/release.ts'
import { archiveFolder } from '../../storage/provenance/histories.ts'
import { codeRevision } from '../../worker/runtime.ts'
import { readKey, sign } from '../../storage/provenance/envelope.ts'
import { allArtifacts } from '../../storage/release-index.ts'
import { AUDIT } from '../../storage/provenance/signatures.ts'
import { held } from '../audit/held.ts'
import { reexecute, replay, sampleOf } from '../audit/again.ts'
import { Findings, type Report } from '../audit/report.ts'
import { bucket, findRelease } from '../catalogue.ts'
import { onStack } from '../call.ts'
import { onceName } from '../names.ts'
import { say, type JsonOption } from '../report.ts'
import { line } from '../verify.ts'

interface Options extends JsonOption {
  readonly all?: boolean
  readonly sample: string
  readonly seed?: string
  readonly key?: string
}

export async function audit(name: string, o: Options): Promise<void> {
  const sample = o.all ? Infinity : Number(o.sample)
  if (!(sample >= 0)) throw configError(`--sample ${o.sample}: give a number of activities, or --all`)
  const key = o.key === undefined ? undefined : readKey(o.key)
  const objects = bucket()
  const release = await findRelease(objects, name)
  const { client } = await onStack()
  const at = new Date()
  const seed = o.seed ?? randomUUID()

  const findings = new Findings()
  const refs = await allArtifacts(objects, release)
  const { records, histories, end } = held(objects, client, release, refs, findings)
  for await (const r of replay(histories())) {
    findings.counts.replayed++
    if (r.error !== undefined) findings.add('replay', `${r.workflowId} (${r.runId})`, r.error)
  }
  await end()

  const runtime: Record<string, number> = {}
  findings.counts.activities = records.recorded.length
  for await (const v of reexecute(client, release, onceName(at), sampleOf(records.recorded, sample, seed))) {
    findings.counts.reexecuted++
    findings.counts.artifactsRemade += v.artifacts
    findings.counts.artifactsEqual += v.equal
    for (const why of v.why) findings.add('re-execution', v.id, why)
    for (const r of v.runtime) runtime[r] = (runtime[r] ?? 0) + 1
  }

  const index = await objects.get(`${archiveFolder(release.run)}/index.json`)
  const report: Report = {
    dataset: release.dataset,
    release: release.release,
    digest: release.digest,
    manifest: manifestDigest(release),
    run: release.run,
    archive: index ? sha256(index) : null,
    at: at.toISOString(),
    codeRevision: codeRevision(),
    seed,
    counts: findings.counts,
    runtime,
    findings: findings.list,
    ok: findings.list.length === 0,
  }
  const envelope = sign(AUDIT, canonicalJson(report as unknown as Json), key)
  const text = canonicalJson(envelope as unknown as Json)
  const stored = `audits/${release.dataset}/${release.release}/${sha256(text)}.json`
  await objects.putIfAbsent(stored, Buffer.from(text))
  const keyid = envelope.signatures[0]?.keyid
  say(o, { ...report, stored, signedBy: keyid ?? null }, lines(report, stored, keyid))
  if (!report.ok) process.exitCode = 1
}

function lines(r: Report, stored: string, keyid: string | undefined): string[] {
  const c = r.counts
  return [
    `${r.dataset}/${r.release}, made by ${r.run.workflowId}`,
    `histories     ${c.onServer + c.goneFromServer} in the archive, ${c.onServer} of them held against Temporal's own`,
    `replay        ${c.replayed} against the workflow code of ${r.codeRevision}`,
    `lineage       ${c.artifacts} artifacts, ${c.answers} answers of activities`,
    `re-execution  ${c.reexecuted} of ${c.activities} activities (seed ${r.seed}): ${c.artifactsEqual} of ${c.artifactsRemade} artifacts are equal`,
    ...Object.entries(r.runtime).map(([what, n]) => `  ${n} times not as recorded: ${what}`),
    ...r.findings.map(f => `${f.check}: ${line(f)}`),
    r.ok ? 'everything agrees' : `${r.findings.length} findings`,
    `report ${stored}, ${keyid === undefined ? 'NOT signed (no --key)' : `signed by ${keyid}`}`,
  ]
}
