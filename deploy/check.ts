// `make deploy-check`: what lies under deploy/ held against schemas, kube-score, our own rules, promtool and hadolint; no cluster is needed.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { cpSync, existsSync, globSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { basename, join } from 'node:path'
import { parseAllDocuments, stringify } from 'yaml'

/** Built from the Go module proxy, which has the digest of each version. */
const GO = [
  'helm.sh/helm/v3/cmd/helm@v3.22.0',
  'github.com/yannh/kubeconform/cmd/kubeconform@v0.8.0',
  'github.com/zegl/kube-score/cmd/kube-score@v1.20.0',
  'github.com/open-policy-agent/conftest@v0.71.1',
  'github.com/prometheus/prometheus/cmd/promtool@v0.316.0',
]
const KUBERNETES = '1.34.0'

const checkout = join(import.meta.dirname, '..')
const here = join(import.meta.dirname, 'check')
const requirements = join(here, 'requirements.txt')

/** Output of a command. @throws Error with what it printed when it fails */
function run(command: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): string {
  const options = { cwd: checkout, encoding: 'utf8', env: { ...process.env, ...env }, maxBuffer: 1 << 28 } as const
  const { status, stdout, stderr, error } = spawnSync(command, args, options)
  if (status === 0) return stdout
  throw new Error(`${basename(command)} ${args.join(' ')}: ${error?.message ?? ''}\n${stdout ?? ''}${stderr ?? ''}`)
}

/** Folder with the tools, made once per machine for each set of pins. */
function tools(): string {
  const pin = createHash('sha256').update(GO.join('\n')).update(readFileSync(requirements)).digest('hex').slice(0, 16)
  const folder = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'hillock', `deploy-check-${pin}`)
  const partial = `${folder}.partial`
  if (existsSync(folder)) return folder
  console.log(`building the tools into ${folder} (once per machine; minutes)`)
  for (const name of GO) {
    // What an interrupted build has finished is not built again.
    if (existsSync(join(partial, 'bin', name.replace(/^.*\/|@.*$/g, '')))) continue
    console.log(`  ${name}`)
    run('go', ['install', '-trimpath', '-ldflags', '-s -w', name], { GOBIN: join(partial, 'bin'), CGO_ENABLED: '0' })
  }
  const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--no-deps', '--upgrade']
  run('python3', [...pip, '--target', join(partial, 'python'), '-r', requirements])
  cpSync(join(partial, 'python/bin/hadolint'), join(partial, 'bin/hadolint'))
  renameSync(partial, folder)
  return folder
}

/** Schemas as kubeconform reads them: those of Kubernetes from the package, those of the controllers from schemas/, each whole in itself. */
function schemas(folder: string, python: string): string {
  const from = join(python, `kubernetes_validate/kubernetes-json-schema/v${KUBERNETES}-local-strict`)
  const whole = (text: string): string => text.replaceAll('/api/_definitions.json#/$defs/', '#/definitions/')
  const text = readFileSync(join(from, '_definitions.json'), 'utf8').replaceAll('"#/$defs/', '"#/definitions/')
  const { $defs: definitions } = JSON.parse(whole(text)) as { $defs: object }
  const kinds = [
    'deployment-apps',
    'networkpolicy-networking',
    'poddisruptionbudget-policy',
    'service',
    'serviceaccount',
  ]
  for (const file of [...kinds.map(k => join(from, `${k}-v1.json`)), ...globSync(join(here, 'schemas/*.json'))]) {
    const schema = JSON.parse(whole(readFileSync(file, 'utf8'))) as object
    writeFileSync(join(folder, basename(file)), JSON.stringify({ ...schema, definitions }))
  }
  return `${folder}/{{.ResourceKind}}{{.KindSuffix}}.json`
}

interface Manifest {
  apiVersion: string
  kind: string
  metadata: { name: string; labels?: object }
  spec: {
    template: Manifest
    workerDeploymentRef: { name: string }
    scaleTargetRef?: object
    selector?: object
    replicas?: number
  }
}
const documents = (text: string): Manifest[] =>
  parseAllDocuments(text)
    .map(d => d.toJS() as Manifest | null)
    .filter(d => d !== null)

/** What the worker controller makes of an object for one build; all else as it is. */
function made(object: Manifest): Manifest[] {
  const { kind, metadata, spec } = object
  const of = (name: string): object => ({ 'temporal.io/deployment-name': name, 'temporal.io/build-id': 'build' })
  const template = structuredClone(spec?.template)
  if (kind === 'Connection') return []
  if (kind === 'WorkerDeployment') {
    const selector = { matchLabels: of(metadata.name) }
    Object.assign(template.metadata.labels!, of(metadata.name))
    const deployment = { replicas: spec.replicas, selector, template }
    return [{ apiVersion: 'apps/v1', kind: 'Deployment', metadata, spec: deployment as never }]
  }
  if (kind !== 'WorkerResourceTemplate') return [object]
  if (template.spec.scaleTargetRef) template.spec.scaleTargetRef = { name: metadata.name }
  if (template.spec.selector) template.spec.selector = { matchLabels: of(spec.workerDeploymentRef.name) }
  return [{ ...template, metadata }]
}

interface Outcome {
  readonly failures?: readonly { readonly msg: string }[]
}

const cache = tools()
const bin = (name: string): string => join(cache, 'bin', name)
const work = join(checkout, 'node_modules/.cache/deploy-check')
rmSync(work, { recursive: true, force: true })
mkdirSync(join(work, 'schemas'), { recursive: true })
const location = schemas(join(work, 'schemas'), join(cache, 'python'))
const chart = 'deploy/kubernetes'
const policy = ['--policy', 'deploy/check/policy', '--output', 'json', '--no-color']
const wrong: string[] = []
const check = (what: string, look: () => unknown): void => {
  try {
    look()
    console.log(`ok    ${what}`)
  } catch (e) {
    console.log(`FAIL  ${what}`)
    wrong.push(`${what}: ${(e as Error).message}`)
  }
}

const template = (...args: string[]): string =>
  run(bin('helm'), ['template', 'lab', chart, '--kube-version', KUBERNETES, ...args])

for (const values of globSync(join(here, 'values/*.yaml')).sort()) {
  const name = basename(values, '.yaml')
  const [file, later] = [join(work, `${name}.yaml`), join(work, `${name}-made.yaml`)]
  check(`helm lint, template ${name}`, () => {
    run(bin('helm'), ['lint', '--strict', '--kube-version', KUBERNETES, chart, '--values', values])
    writeFileSync(file, template('--values', values))
    const all = documents(readFileSync(file, 'utf8')).flatMap(made)
    writeFileSync(later, all.map(d => stringify(d)).join('---\n'))
  })
  check(`kubeconform ${name}`, () => run(bin('kubeconform'), ['-strict', '-schema-location', location, file, later]))
  check(`kube-score ${name}`, () =>
    run(bin('kube-score'), ['score', '--output-format', 'ci', '--exit-one-on-warning', later]),
  )
  check(`conftest ${name}`, () => run(bin('conftest'), ['test', ...policy, file]))
}
for (const [set, why] of [
  ['image.tag=latest', 'image.tag is latest'],
  ['bucket=', 'bucket: say which'],
  ['temporal.address=', 'temporal.address: say where'],
  ['versioning.by=hope', 'must be none, deployment or controller'],
  ['workers.cpu.role=gpu', 'workers.cpu.role is gpu'],
])
  check(`the chart refuses ${set}`, () => {
    try {
      template('--values', 'deploy/check/values/plain.yaml', '--set', set!)
    } catch (e) {
      if ((e as Error).message.includes(why!)) return
      throw e
    }
    throw new Error('it does not')
  })

const rules = new Set(readFileSync(join(here, 'policy/rules.rego'), 'utf8').match(/(?<=sprintf\(")[a-z-]+(?=:)/g))
const refused = new Map(globSync(join(here, 'refused/*.yaml')).map(f => [basename(f, '.yaml'), f]))
for (const rule of new Set([...rules, ...refused.keys()]))
  check(`${rule} refuses its manifest, and nothing else does`, () => {
    const file = refused.get(rule)
    if (file === undefined) throw new Error(`there is no deploy/check/refused/${rule}.yaml`)
    const answer = spawnSync(bin('conftest'), ['test', ...policy, file], { cwd: checkout, encoding: 'utf8' })
    const said = (JSON.parse(answer.stdout) as Outcome[]).flatMap(o => (o.failures ?? []).map(f => f.msg))
    if (said.length === 0 || said.some(s => !s.startsWith(`${rule}: `)))
      throw new Error(said.join('\n') || 'not refused')
  })

const monitoring = 'deploy/monitoring'
check('promtool: alerts and their tests', () => {
  run(bin('promtool'), ['check', 'config', `${monitoring}/prometheus.yaml`])
  run(bin('promtool'), ['test', 'rules', `${monitoring}/alerts.test.yaml`])
})
check('hadolint', () => run(bin('hadolint'), ['--strict-labels', 'deploy/image/Containerfile']))

for (const w of wrong) console.error(`\n${w}`)
process.exitCode = wrong.length > 0 ? 1 : 0
