// `hillock lineage RELEASE`: what made it.
import { HillockError } from '../../domain/errors.ts'
import { artifactStore } from '../../storage/artifacts.ts'
import { bucket, findRelease } from '../catalogue.ts'

export async function lineage(name: string, o: { json?: boolean; artifact?: string }): Promise<void> {
  const objects = bucket()
  const artifacts = artifactStore(objects, { quarantined: true })
  const r = await findRelease(objects, name)
  if (o.artifact) {
    const [stage, recipe] = o.artifact.split('/') as [string, string?]
    const record = recipe && (await artifacts.lineage(stage, recipe))
    if (!record)
      throw new HillockError(
        'ConfigError',
        `--artifact ${o.artifact}: no such artifact; give it as stage/recipe, as --json lists them`,
      )
    return console.log(JSON.stringify(record, null, o.json ? 0 : 2))
  }
  const stages = await Promise.all(
    Object.entries(r.stages).map(async ([stage, refs]) => {
      const records = await Promise.all(refs.map(async ref => (await artifacts.open(ref)).lineage))
      const distinct = <T>(pick: (l: (typeof records)[number]) => T): T[] => [
        ...new Map(records.map(l => [JSON.stringify(pick(l)), pick(l)])).values(),
      ]
      return {
        stage,
        artifacts: refs,
        versions: distinct(l => l.recipe.version),
        parameters: distinct(l => l.recipe.parameters),
        models: distinct(l => l.recipe.model),
        codeRevisions: distinct(l => l.codeRevision),
        runtimes: distinct(l => l.runtime),
        bytes: records.reduce((n, l) => n + l.bytes, 0),
        cost: records.reduce((n, l) => n + l.cost, 0),
      }
    }),
  )
  if (o.json)
    return console.log(
      JSON.stringify({
        dataset: r.dataset,
        release: r.release,
        digest: r.digest,
        run: r.run,
        approver: r.approver,
        stages,
      }),
    )
  console.log(`${r.dataset}/${r.release}  digest ${r.digest}\nrun ${r.run.workflowId}, approved by ${r.approver}`)
  for (const s of stages) {
    console.log(
      `${s.stage} v${s.versions.join(', v')}: ${s.artifacts.length} artifacts, ${(s.bytes / 1e6).toFixed(1)} MB, cost ${s.cost.toFixed(5)}`,
    )
    for (const p of s.parameters.slice(0, 3)) console.log(`  parameters ${JSON.stringify(p).slice(0, 160)}`)
    for (const m of s.models) if (m) console.log(`  model ${m}`)
    console.log(
      `  code ${s.codeRevisions.join(', ')}; ${s.runtimes.map(t => `Node ${t.node}${t.onnxruntime ? `, ONNX Runtime ${t.onnxruntime} on ${t.provider}` : ''}`).join('; ')}`,
    )
  }
}
