// in-toto statements v1 with SLSA provenance v1 (slsa.dev/spec/v1.0/provenance): one per artifact and one for the release, as DSSE envelopes.
import type { KeyObject } from 'node:crypto'
import { canonicalJson, type Json } from '../../domain/canonical.ts'
import { sign } from '../../storage/provenance/envelope.ts'
import { recordKey, type Provenance, type Step, type Used } from './walk.ts'

const TYPE = 'application/vnd.in-toto+json'

/** One envelope per line: an in-toto bundle. */
export function attestations(p: Provenance, key: KeyObject | undefined): Record<string, string> {
  const statements = [...p.steps.map(s => ofStep(p, s)), ofRelease(p)]
  const lines = statements.map(s => `${JSON.stringify(sign(TYPE, canonicalJson(s as Json), key))}\n`)
  return { 'provenance.intoto.jsonl': lines.join('') }
}

const statement = (subject: object[], buildDefinition: object, runDetails: object): object => ({
  _type: 'https://in-toto.io/Statement/v1',
  subject,
  predicateType: 'https://slsa.dev/provenance/v1',
  predicate: { buildDefinition, runDetails },
})

const source = (revision: string): object[] =>
  /^[0-9a-f]{40}/.test(revision)
    ? [{ name: 'code', uri: `git+urn:hillock@${revision}`, digest: { gitCommit: revision.slice(0, 40) } }]
    : []

function ofStep(p: Provenance, step: Step): object {
  const { recipe, runtime, ...r } = step.record
  const uri = (u: Used): string => `${p.url}/${u.key}`
  return statement(
    r.outputs.map(o => ({ name: `${step.key}${o.path}`, digest: { sha256: o.sha256 } })),
    {
      buildType: `urn:hillock:stage:${recipe.stage}:${recipe.version}`,
      externalParameters: {
        stage: recipe.stage,
        version: recipe.version,
        parameters: recipe.parameters,
        extent: recipe.extent,
        seed: recipe.seed,
        ...(recipe.generation === undefined ? {} : { generation: recipe.generation }),
      },
      internalParameters: { recipe: r.recipeId, cpu: runtime.cpu },
      resolvedDependencies: [
        ...step.used.map(u => ({ name: u.name, uri: uri(u), digest: { sha256: u.digest } })),
        ...source(r.codeRevision),
      ],
    },
    {
      builder: {
        id: 'urn:hillock:worker',
        version: {
          hillock: r.codeRevision,
          node: runtime.node,
          ...(runtime.onnxruntime ? { onnxruntime: `${runtime.onnxruntime} ${runtime.provider}` } : {}),
        },
      },
      metadata: { invocationId: `${r.workflowId}/${r.runId}/${r.attempt}`, startedOn: r.start, finishedOn: r.end },
      byproducts: [
        { name: recordKey(step), uri: `${p.url}/${recordKey(step)}`, digest: { sha256: step.recordDigest } },
      ],
    },
  )
}

function ofRelease({ url, release: r, manifest, steps }: Provenance): object {
  return statement(
    [{ name: manifest.key, digest: { sha256: manifest.digest } }],
    {
      buildType: 'urn:hillock:release:1',
      externalParameters: { dataset: r.dataset, release: r.release, config: r.config ?? null },
      internalParameters: { approver: r.approver, parent: r.parent },
      resolvedDependencies: [
        ...steps.map(s => ({ name: s.key, uri: `${url}/${s.key}`, digest: { sha256: s.record.content } })),
        ...source(r.codeRevision),
      ],
    },
    {
      builder: { id: 'urn:hillock:worker', version: { hillock: r.codeRevision } },
      metadata: { invocationId: `${r.run.workflowId}/${r.run.runId}` },
    },
  )
}
