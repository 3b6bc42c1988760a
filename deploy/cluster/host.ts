// A host of the rehearsal: its own address, home and profile of Temporal, its workers, and the commands that somebody calls there.
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { checkout } from '../../worker/home.ts'
import type { Network } from './network.ts'
import { output, Service, type Command } from './services.ts'

const DEPLOYMENT = 'lab'
/** One process each: orchestration, and the work. */
const WORKERS = { workflow: ['workflow'], work: ['cpu', 'inference'] }
type WorkerName = keyof typeof WORKERS

/** What all hosts agree on (docs/deploy.md). */
export interface Agreed {
  readonly temporal: string
  readonly bucket: string
  readonly emulator: string
  readonly certificates: string
}

const PROFILE = (temporal: string, certificates: string): string => `[profile.lab]
address = "${temporal}"
namespace = "connectomics"
[profile.lab.tls]
server_ca_cert_path = "${certificates}/ca.crt"
client_cert_path = "${certificates}/client.crt"
client_key_path = "${certificates}/client.key"
`

export class Host {
  readonly name: string
  readonly address: string
  readonly #enter: readonly string[]
  readonly #home: string
  readonly #env: NodeJS.ProcessEnv
  /** By build and name. */
  readonly #workers = new Map<string, Service>()

  constructor(name: string, folder: string, network: Network, agreed: Agreed) {
    this.name = name
    const { address, enter } = network.host(name)
    this.address = address
    this.#enter = enter
    this.#home = join(folder, name)
    mkdirSync(this.#home, { recursive: true })
    const profile = join(this.#home, 'temporal.toml')
    writeFileSync(profile, PROFILE(agreed.temporal, agreed.certificates))
    const { PATH, HILLOCK_CLUSTER } = process.env
    this.#env = {
      PATH,
      HILLOCK_CLUSTER,
      HOME: this.#home,
      HILLOCK_HOME: join(this.#home, 'hillock'),
      TEMPORAL_CONFIG_FILE: profile,
      TEMPORAL_PROFILE: 'lab',
      HILLOCK_DEPLOYMENT: DEPLOYMENT,
      HILLOCK_BUCKET: agreed.bucket,
      STORAGE_EMULATOR_HOST: agreed.emulator,
    }
  }

  #hillock(args: readonly string[], more: NodeJS.ProcessEnv = {}): Command {
    const [file, ...before] = [...this.#enter, join(checkout, 'hillock')]
    return [file!, [...before, ...args], { cwd: this.#home, env: { ...this.#env, ...more } }]
  }

  /** What a command says. @throws Error with its last words where it fails */
  readonly hillock = (...args: string[]): Promise<string> => output(this.#hillock(args))

  async json<T>(...args: string[]): Promise<T> {
    return JSON.parse(await this.hillock(...args, '--json')) as T
  }

  serve(port: number): Service {
    return this.#service('serve', ['serve', '--host', this.address, '--port', String(port)])
  }

  /** Workers of one build, beside those of another. */
  work(build: string): void {
    for (const [name, roles] of Object.entries(WORKERS)) {
      const env = { HILLOCK_REVISION: build, HILLOCK_THREADS: '1', HILLOCK_ONNX_THREADS: '1' }
      this.#workers.set(`${build} ${name}`, this.#service(`${name}-${build}`, ['worker', ...roles], env))
    }
  }

  worker(build: string, name: WorkerName): Service {
    return this.#workers.get(`${build} ${name}`)!
  }

  /** Its workers of one build, or all of them. */
  async end(signal: NodeJS.Signals, build?: string): Promise<void> {
    const meant = [...this.#workers].filter(([key]) => build === undefined || key.startsWith(`${build} `))
    await Promise.all(meant.map(([, worker]) => worker.end(signal)))
  }

  #service(name: string, args: readonly string[], more: NodeJS.ProcessEnv = {}): Service {
    return new Service(join(this.#home, `${name}.log`), this.#hillock(args, more))
  }
}
