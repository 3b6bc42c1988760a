// `node bench/chunk-reads.ts [SECONDS]`: chunks of a release read from our server and from nginx on the exported files, at 16 connections; needs nginx and wrk (Debian packages).
import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { cpus, tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { exportRelease } from '../client/export.ts'
import { fileStore } from '../storage/file-store.ts'
import { makeFixture } from '../test/serving/fixture.ts'
import { n, quantile, table } from './common/print.ts'

const seconds = Number(process.argv[2] ?? 5)
const CONNECTIONS = 16
const ROUNDS = 3
const PORT = 18_471

for (const [program, flag] of [
  ['nginx', '-v'],
  ['wrk', '-v'],
] as const)
  if (spawnSync(program, [flag]).error) throw new Error(`${program} is not here: apt-get install nginx wrk`)

const fixture = await makeFixture()
const folder = mkdtempSync(join(tmpdir(), 'hillock-bench-chunks-'))
const files = join(folder, 'files')
await exportRelease(fileStore(fixture.folder), fixture.release, fileStore(files), () => {})

mkdirSync(join(folder, 'logs'))
writeFileSync(
  join(folder, 'nginx.conf'),
  `user ${userInfo().username}; worker_processes 1; daemon off; pid ${folder}/pid; error_log ${folder}/logs/error;
events { worker_connections 256; }
http {
  access_log off; sendfile on; tcp_nopush on; keepalive_requests 1000000; open_file_cache max=1000;
  ${['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(t => `${t}_temp_path ${folder}/${t};`).join(' ')}
  server { listen 127.0.0.1:${PORT}; root ${files}; }
}`,
)
const nginx = spawn('nginx', ['-p', folder, '-e', join(folder, 'logs/error'), '-c', join(folder, 'nginx.conf')])
process.on('exit', () => [nginx, own].forEach(p => p.kill()))
const own = spawn(process.execPath, [
  join(import.meta.dirname, '../serving/main.ts'),
  '--bucket',
  fixture.folder,
  '--port',
  '0',
])
const address = await new Promise<string>(done => own.stdout.once('data', (d: Buffer) => done(d.toString().trim())))
await sleep(500)

/** Milliseconds that a process and its children have computed (Linux). */
function computed(pid: number): number {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter(Boolean)
  const [user, system] = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ').slice(11, 13)
  return 10 * (Number(user) + Number(system)) + children.reduce((sum, c) => sum + computed(Number(c)), 0)
}

interface Speed {
  /** Requests a second, the 99th percentile in ms, and what the server computes for one: that says most on a busy machine. */
  readonly rate: number
  readonly late: number
  readonly cpu: number
}
function load(pid: number, url: string, paths: readonly string[]): Speed {
  const script = join(folder, 'paths.lua')
  writeFileSync(
    script,
    `local paths = { ${paths.map(p => `'${p}'`).join(', ')} }
local i = 0
request = function() i = i + 1; return wrk.format('GET', paths[i % #paths + 1]) end
`,
  )
  const args = [
    '-t',
    '1',
    '-c',
    String(CONNECTIONS),
    '-d',
    `${seconds}s`,
    '--timeout',
    '20s',
    '--latency',
    '-s',
    script,
    url,
  ]
  const before = computed(pid)
  const text = execFileSync('wrk', args).toString()
  const spent = computed(pid) - before
  if (/Non-2xx|Socket errors/.test(text)) throw new Error(text)
  const [, late, unit] = /99%\s+([\d.]+)(us|ms|s)\b/.exec(text)!
  return {
    rate: Number(/Requests\/sec:\s+([\d.]+)/.exec(text)![1]),
    cpu: spent / Number(/(\d+) requests in/.exec(text)![1]),
    late: Number(late) * { us: 0.001, ms: 1, s: 1000 }[unit as 'us' | 'ms' | 's'],
  }
}

const lines: string[][] = []
for (const layer of ['em', 'segmentation']) {
  const shards = Array.from({ length: 8 }, (_, i) => `${layer}/0/${i.toString(16)}.shard`)
  const paths = shards.filter(p => statSync(join(files, p), { throwIfNoEntry: false }))
  const kib = paths.reduce((sum, p) => sum + statSync(join(files, p)).size, 0) / paths.length / 1024
  const speeds: { ours: Speed; theirs: Speed }[] = []
  for (let round = 0; round < ROUNDS; round++)
    speeds.push({
      ours: load(
        own.pid!,
        address,
        paths.map(p => `/r/blobs/r1/${p}`),
      ),
      theirs: load(
        nginx.pid!,
        `http://127.0.0.1:${PORT}`,
        paths.map(p => `/${p}`),
      ),
    })
  const of = (who: 'ours' | 'theirs', what: keyof Speed): number =>
    quantile(
      speeds.map(s => s[who][what]),
      0.5,
    )
  lines.push([
    `${layer}, ${kib.toFixed(0)} KiB`,
    ...(['ours', 'theirs'] as const).flatMap(who => [
      n(of(who, 'rate')),
      of(who, 'late').toFixed(1),
      of(who, 'cpu').toFixed(3),
    ]),
    (of('ours', 'rate') / of('theirs', 'rate')).toFixed(2),
  ])
}
console.log(
  `${CONNECTIONS} connections, ${ROUNDS} times ${seconds} s each; ${cpus().length} x ${cpus()[0]!.model}, ${new Date().toISOString().slice(0, 10)}`,
)
console.log(
  table(['chunks', 'ours/s', '99 %, ms', 'CPU ms each', 'nginx/s', '99 %, ms', 'CPU ms each', 'ours : nginx'], lines),
)
rmSync(folder, { recursive: true, force: true })
await fixture.remove()
process.exit(0)
