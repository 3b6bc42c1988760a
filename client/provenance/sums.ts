// A list in the form that `sha256sum -c` reads: every object that a release names, by its path in the bucket.
import { recordKey, type Provenance } from './walk.ts'

export function sums({ manifest, steps, raw, release }: Provenance): Record<string, string> {
  const lines = new Map([[manifest.key, manifest.digest]])
  for (const { key, digest } of raw.values()) lines.set(key, digest)
  for (const page of Object.values(release.pages)) lines.set(`raw/sha256/${page.slice(0, 2)}/${page}`, page)
  for (const step of steps) {
    lines.set(recordKey(step), step.recordDigest)
    for (const o of step.record.outputs) lines.set(`${step.key}${o.path}`, o.sha256)
  }
  const sorted = [...lines].sort(([a], [b]) => (a < b ? -1 : 1))
  return { SHA256SUMS: sorted.map(([key, digest]) => `${digest}  ${key}\n`).join('') }
}
