// The facts of lineage that a process knows of itself: code revision, Node, ONNX Runtime, CPU features.
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { cpus } from 'node:os'
import { checkout } from './home.ts'
import type { Runtime } from '../domain/lineage.ts'

const git = (...args: string[]): string | undefined => {
  const run = spawnSync('git', args, { cwd: checkout, encoding: 'utf8' })
  return run.status === 0 ? run.stdout.trim() : undefined
}

/** HILLOCK_REVISION, or the commit of the checkout with `+changes` when files differ from it, or the package's version. */
export function codeRevision(): string {
  const named = process.env['HILLOCK_REVISION']
  if (named) return named
  const commit = git('rev-parse', 'HEAD')
  if (commit) return git('status', '--porcelain', '--untracked-files=no') ? `${commit}+changes` : commit
  const { version } = JSON.parse(readFileSync(`${checkout}/package.json`, 'utf8')) as { version: string }
  return `package-${version}`
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
  const { version } = createRequire(import.meta.url)('onnxruntime-node/package.json') as { version: string }
  return {
    node: process.version,
    onnxruntime: version,
    provider: 'cpu',
    cpu: [process.arch, cpus()[0]?.model.trim() ?? 'unknown', cpuFeatures()].join('; '),
  }
}
