// Every setting that comes from the environment: what it is, who reads it, what holds where it is not set.
import { configError } from './errors.ts'

interface Setting {
  readonly is: string
  readonly by: string
  /** As the page says it. */
  readonly otherwise: string
  /** A whole number from 0 on. */
  readonly number?: true
  /** The values that it may have. */
  readonly oneOf?: readonly string[]
}

const CONNECTED = 'all that talk to Temporal'
const inPath = (what: string, name: string): Setting => ({
  is: `${what}: path of a PEM file, or with \`_DATA\` in place of \`_PATH\` the text itself`,
  by: CONNECTED,
  otherwise: `\`${name}\` of the profile`,
})

const temporal = {
  TEMPORAL_ADDRESS: {
    is: 'HOST:PORT of a Temporal server; it is used, and none is started',
    by: CONNECTED,
    otherwise: '`address` of the profile, else `hillock up` starts a server of its own',
  },
  TEMPORAL_NAMESPACE: { is: 'the namespace', by: CONNECTED, otherwise: '`namespace` of the profile, else `default`' },
  TEMPORAL_API_KEY: { is: 'API key; TLS is on with it', by: CONNECTED, otherwise: '`api_key` of the profile' },
  TEMPORAL_TLS: { is: '`true` or `false`', by: CONNECTED, otherwise: 'on where a key or a certificate is named' },
  TEMPORAL_TLS_CLIENT_CERT_PATH: inPath('certificate of this client (mTLS)', 'tls.client_cert_path'),
  TEMPORAL_TLS_CLIENT_KEY_PATH: inPath('its private key', 'tls.client_key_path'),
  TEMPORAL_TLS_SERVER_CA_CERT_PATH: inPath(
    'the CA that has signed the certificate of the server',
    'tls.server_ca_cert_path',
  ),
  TEMPORAL_TLS_SERVER_NAME: {
    is: 'the name in the certificate of the server, where it is not that of the address',
    by: CONNECTED,
    otherwise: '`tls.server_name` of the profile',
  },
  TEMPORAL_CONFIG_FILE: {
    is: 'TOML file of profiles, as the `temporal` command writes it',
    by: CONNECTED,
    otherwise: '`temporalio/temporal.toml` in the configuration folder of the user',
  },
  TEMPORAL_PROFILE: { is: 'which profile of it', by: CONNECTED, otherwise: '`default`, where there is one' },
  HILLOCK_PAYLOAD_KEY: {
    is: 'encrypts what Temporal holds ([deploy](deploy.md#encryption)): path of a file with a key of 64 hexadecimal digits on each line, or the key itself; the first one encrypts, all decrypt',
    by: CONNECTED,
    otherwise: 'nothing is encrypted',
  },
  HILLOCK_TEMPORAL_UI: {
    is: "URL of Temporal's UI, for links",
    by: 'commands, `serve`',
    otherwise: 'the port 1000 above that of Temporal, as the dev server has it; of Temporal Cloud its own',
  },
} satisfies Record<string, Setting>

const places = {
  HILLOCK_BUCKET: {
    is: 'the bucket: `gs://bucket/prefix` or a folder; the same for all processes',
    by: 'all',
    otherwise: 'what the last run file that names one says, else `bucket` in HILLOCK_HOME; `worker` wants it',
  },
  HILLOCK_BUCKET_MARK: {
    is: 'what a bucket that is a folder must be marked with in `.hillock-bucket`; one without it counts as away',
    by: '`worker`, `serve`',
    otherwise: 'not looked at; `hillock up` sets it',
  },
  HILLOCK_HOME: {
    is: 'folder for the state of one machine: database of Temporal, logs, the bucket where no other is named',
    by: 'commands',
    otherwise: '`.hillock` in the checkout',
  },
  HILLOCK_DATA: { is: 'folder of the data sets that run files name', by: 'commands', otherwise: '`../shared/data`' },
  GOOGLE_APPLICATION_CREDENTIALS: {
    is: 'key file for `gs://`',
    by: 'all',
    otherwise: "what Google's libraries find: workload identity, or `gcloud auth application-default login`",
  },
  STORAGE_EMULATOR_HOST: { is: 'an emulator in place of `gs://`', by: 'all', otherwise: 'Google Cloud Storage' },
  HTTPS_PROXY: {
    is: 'proxy for `http(s)://` sources; also `HTTP_PROXY`, `NO_PROXY`, or in small letters',
    by: '`import`, cpu workers',
    otherwise: 'none',
  },
} satisfies Record<string, Setting>

const WITH_MODELS = 'inference workers, cpu workers of stages with a model'

const workers = {
  HILLOCK_THREADS: { is: 'threads of kernels', by: 'cpu workers', otherwise: 'one per core', number: true },
  HILLOCK_ONNX_PROVIDER: {
    is: 'what runs models: `cpu`, `cuda`, `tensorrt` or `webgpu`; where it is not to be had the worker does not start',
    by: WITH_MODELS,
    otherwise: '`cpu`',
    oneOf: ['cpu', 'cuda', 'tensorrt', 'webgpu'],
  },
  HILLOCK_ONNX_DEVICE: {
    is: 'which GPU of the machine; of `cuda` and `tensorrt`',
    by: WITH_MODELS,
    otherwise: '0',
    number: true,
  },
  HILLOCK_ONNX_PROCESSES: {
    is: 'processes that run models, a block at a time each',
    by: WITH_MODELS,
    otherwise: 'one per core, as far as there are 5 GiB of memory for each; with a GPU 1',
    number: true,
  },
  HILLOCK_ONNX_THREADS: {
    is: 'threads of each',
    by: WITH_MODELS,
    otherwise: 'the cores shared out among the processes',
    number: true,
  },
  HILLOCK_SLOTS: {
    is: 'activities at the same time',
    by: 'cpu and inference workers',
    otherwise: 'threads of kernels and one; of inference its processes and one',
    number: true,
  },
  HILLOCK_QUEUE: {
    is: 'task queue in place of that of the role: for large machines, to which [single activities are sent](runbook.md#with-temporals-own-commands)',
    by: 'cpu and inference workers',
    otherwise: '`hillock-cpu`, `hillock-inference`',
  },
  HILLOCK_METRICS: {
    is: 'HOST:PORT where Prometheus finds the metrics of the process',
    by: '`worker`',
    otherwise: 'none; `hillock up` sets it',
  },
  HILLOCK_HEALTH: {
    is: 'HOST:PORT where the process answers `/healthz` (it lives) and `/readyz` (its roles poll)',
    by: '`worker`; `serve` answers them where it serves',
    otherwise: 'not answered',
  },
  HILLOCK_LOG: {
    is: '`json`: a log of one JSON object a line, with dataset, run, stage and attempt; or `text`',
    by: '`worker`',
    otherwise: '`text` at a terminal, else `json`; `hillock up` sets `text`',
    oneOf: ['json', 'text'],
  },
  HILLOCK_DRAIN: {
    is: 'seconds that activities go on after SIGTERM, before they are told to end',
    by: '`worker`',
    otherwise: '1',
    number: true,
  },
  HILLOCK_DEPLOYMENT: {
    is: 'Worker Deployment of Temporal: runs stay with the build that started them',
    by: '`worker`, `up`',
    otherwise: '`TEMPORAL_DEPLOYMENT_NAME`, else no versioning',
  },
  HILLOCK_REVISION: {
    is: 'the build, as lineage and the Worker Deployment name it',
    by: '`worker`, commands',
    otherwise: 'the commit of the checkout, with a digest of what differs from it',
  },
  TEMPORAL_DEPLOYMENT_NAME: {
    is: "Worker Deployment, as Temporal's worker controller for Kubernetes names it",
    by: '`worker`',
    otherwise: 'no versioning',
  },
  TEMPORAL_WORKER_BUILD_ID: {
    is: 'the build as that controller names it, for the Worker Deployment alone',
    by: '`worker`',
    otherwise: 'HILLOCK_REVISION',
  },
  HILLOCK_SIGNING_KEY: {
    is: 'path of a private ed25519 key (PEM) that signs releases and channels',
    by: 'cpu workers',
    otherwise: 'nothing is signed',
  },
  HILLOCK_STAGES: {
    is: 'file that adds rows to the stage table ([library](library.md))',
    by: 'commands, `serve`',
    otherwise: 'none',
  },
  HILLOCK_WORKER: { is: 'file of a worker that executes them', by: '`up`', otherwise: '`worker/main.ts`' },
} satisfies Record<string, Setting>

const serving = {
  HILLOCK_SERVING_HOST: {
    is: 'address to listen on; one that other machines reach is refused until somebody has a token ([access](access.md))',
    by: '`serve`, `up`',
    otherwise: '`127.0.0.1`',
  },
  HILLOCK_SERVING_PORT: { is: 'port to listen on', by: '`serve`', otherwise: '8470', number: true },
  HILLOCK_SERVING_NAMES: {
    is: 'host names that are right where a proxy keeps its own, separated by commas',
    by: '`serve`',
    otherwise: 'this machine only',
  },
  HILLOCK_SERVING_PUBLIC: {
    is: 'datasets that anybody may read: `*`, `none`, or names separated by commas',
    by: '`serve`',
    otherwise: '`*`',
  },
  HILLOCK_SERVING_ORIGINS: {
    is: 'origins whose pages may read; those that are named may also send changes with a token',
    by: '`serve`',
    otherwise: '`*`',
  },
  HILLOCK_SERVING_RATE: {
    is: 'requests a minute for one token or address; 0: no limit',
    by: '`serve`',
    otherwise: '60000; on 127.0.0.1 no limit',
    number: true,
  },
  HILLOCK_SERVING_PROXY: {
    is: 'addresses or networks of proxies whose `X-Forwarded-*` is believed',
    by: '`serve`',
    otherwise: 'none',
  },
  HILLOCK_OIDC_ISSUER: { is: 'issuer of OpenID Connect tokens', by: '`serve`', otherwise: 'tokens of our own only' },
  HILLOCK_OIDC_AUDIENCE: { is: 'whom its tokens must be meant for', by: '`serve`', otherwise: 'wanted with an issuer' },
  HILLOCK_OIDC_CLAIM: { is: 'claim with the roles, or the path to it', by: '`serve`', otherwise: '`roles`' },
  HILLOCK_SERVING_URL: {
    is: 'where `serve` is reached, for links',
    by: 'commands without a stack here',
    otherwise: '`http://127.0.0.1:8470`',
  },
} satisfies Record<string, Setting>

const looking = {
  OTEL_EXPORTER_OTLP_ENDPOINT: {
    is: 'URL of an OpenTelemetry collector (OTLP over HTTP), which gets a trace of each run; the other variables of OpenTelemetry hold too, such as OTEL_TRACES_SAMPLER',
    by: 'commands, `worker`, `serve`',
    otherwise: 'nothing is traced',
  },
  HILLOCK_TEMPORAL_CLI: {
    is: 'path of the Temporal CLI whose dev server is started',
    by: '`up`',
    otherwise: '`temporal` on the PATH if it is new enough, else one that is built',
  },
  HILLOCK_DEBUG: { is: 'anything: errors come with their stack', by: 'commands', otherwise: 'one line' },
  HILLOCK_TRACE: { is: 'file for a line per kernel, inference and request', by: 'workers', otherwise: 'none' },
  HILLOCK_FAULTS: { is: 'file of faults on purpose (`demo/faults.ts`)', by: 'workers of the tests', otherwise: 'none' },
} satisfies Record<string, Setting>

const groups = {
  Temporal: temporal,
  'Bucket and files': places,
  Workers: workers,
  Serving: serving,
  'Looking closer': looking,
}
const table = { ...temporal, ...places, ...workers, ...serving, ...looking }
type Name = keyof typeof table
type NumberName = { [N in Name]: (typeof table)[N] extends { number: true } ? N : never }[Name]
type ChoiceName = { [N in Name]: (typeof table)[N] extends { oneOf: readonly string[] } ? N : never }[Name]

/** What the environment says; undefined where it says nothing, or an empty text. */
export const setting = (name: Name): string | undefined => process.env[name] || undefined

/** @throws HillockError ConfigError for anything but a whole number */
export function numberSetting(name: NumberName): number | undefined {
  const text = setting(name)
  if (text !== undefined && !/^\d+$/.test(text)) throw configError(`${name} is ${text}, which is no whole number`)
  return text === undefined ? undefined : Number(text)
}

/** @throws HillockError ConfigError for what is none of its values */
export function choiceSetting(name: ChoiceName): string | undefined {
  const text = setting(name)
  const { oneOf } = table[name]
  if (text !== undefined && !oneOf.includes(text))
    throw configError(`${name} is ${text}, and must be ${oneOf.join(', ').replace(/, (?!.*, )/, ' or ')}`)
  return text
}

export const settingNames: readonly string[] = Object.keys(table)

export const settingsMarkdown = (): string =>
  [
    '# Settings',
    '',
    'Printed from the table in `domain/settings.ts` by `./hillock config`; a test holds this page to it.',
    '',
    'All of them are variables of the environment; an empty one counts as not set. What a run is made of stands in its [run file](run-file.md) instead. How they come together on several machines: [deploy](deploy.md).',
    ...Object.entries(groups).flatMap(([group, rows]) => [
      '',
      `## ${group}`,
      '',
      '| variable | what it is | who reads it | where it is not set |',
      '|---|---|---|---|',
      ...Object.entries<Setting>(rows).map(([name, s]) => `| \`${name}\` | ${s.is} | ${s.by} | ${s.otherwise} |`),
    ]),
    '',
  ].join('\n')
