// The facts of lineage that a process knows of itself: code revision, Node, ONNX Runtime, CPU features.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, realpathSync } from 'node:fs'
import { createRequire } from 'node:module'
import { cpus } from 'node:os'
import { join, relative } from 'node:path'
import { setting } from '../domain/settings.ts'
import { checkout } from './home.ts'
import { onnxSettings } from './onnx/onnx-settings.ts'
import type { Runtime } from '../domain/lineage.ts'

const root = realpathSync(checkout)

/** Only a repository whose root is this checkout, whoever owns it: not one around an unpacked copy. */
const git = (...args: string[]): string | undefined => {
  // Of a hook that called us: another repository.
  const env = Object.fromEntries(Object.entries(process.env).filter(([k]) => !k.startsWith('GIT_')))
  const run = spawnSync('git', ['-c', `safe.directory=${root}`, ...args], { cwd: root, env, encoding: 'utf8' })
  return run.status === 0 ? run.stdout.trim() : undefined
}
const ROOMS = [
  'activities',
  'client',
  'demo',
  'domain',
  'kernels',
  'serving',
  'specimen',
  'storage',
  'worker',
  'workflows',
]

/** Of every file that the processes run, so that two builds without a commit are told apart. */
function sourceDigest(): string {
  const hash = createHash('sha256')
  const files = ROOMS.filter(r => existsSync(join(root, r))).flatMap(room =>
    readdirSync(join(root, room), { recursive: true, withFileTypes: true })
      .filter(f => f.isFile())
      .map(f => join(f.parentPath, f.name)),
  )
  for (const file of [join(root, 'package.json'), ...files.sort()])
    hash.update(`${relative(root, file)}\0${createHash('sha256').update(readFileSync(file)).digest('hex')}\n`)
  return hash.digest('hex').slice(0, 16)
}

export const packageVersion = (): string =>
  (JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string }).version

/**
 * HILLOCK_REVISION; or the commit of the checkout, with `+changes-DIGEST` when files differ from it; or, of a copy without
 * its repository, `package-VERSION-DIGEST`. The digest is that of the sources.
 */
export function codeRevision(): string {
  const named = setting('HILLOCK_REVISION')
  if (named) return named
  const [top, commit] = git('rev-parse', '--show-toplevel', 'HEAD')?.split('\n') ?? []
  if (commit && top && realpathSync(top) === root)
    return git('status', '--porcelain', '--untracked-files=no') === '' ? commit : `${commit}+changes-${sourceDigest()}`
  return `package-${packageVersion()}-${sourceDigest()}`
}

/** Instruction sets that numeric libraries choose their code by. */
function cpuFeatures(): string {
  const wanted = /^(sse4_2|avx|avx2|fma|avx512\w+|avx_vnni|amx\w*|asimd\w*|sve\w*)$/
  try {
    const info = readFileSync('/proc/cpuinfo', 'utf8')
    const flags = /^(?:flags|Features)\s*:\s*(.*)$/m.exec(info)?.[1] ?? ''
    return flags
      .split(' ')
      .filter(f => wanted.test(f))
      .sort()
      .join(' ')
  } catch {
    return ''
  }
}

export function runtime(): Runtime {
  const { provider, device } = onnxSettings()
  const { version } = createRequire(import.meta.url)('onnxruntime-node/package.json') as { version: string }
  return {
    node: process.version,
    onnxruntime: version,
    provider: device === undefined ? provider : `${provider} device ${device}`,
    cpu: [process.arch, cpus()[0]?.model.trim() ?? 'unknown', cpuFeatures()].join('; '),
  }
}
