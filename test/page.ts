// docs/adding-a-stage.md as what it says to do: its code blocks name the files that they are, or where in a file they go.
import { execFileSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { checkout } from '../worker/home.ts'

interface Block {
  readonly file: string
  /** The line before which it stands; a file of its own without. */
  readonly before: string | undefined
  readonly code: string
}

const blocksOf = (page: string): Block[] =>
  [...page.matchAll(/^```ts (\S+)(?: before "([^"]+)")?\n([\s\S]*?)^```$/gm)].map(m => ({
    file: m[1]!,
    before: m[2],
    code: m[3]!,
  }))

/** A copy of the files that git knows, with the page done to it; returns the files that it touched. */
export function applied(page: string, copy: string): string[] {
  const files = execFileSync('git', ['ls-files', '-co', '--exclude-standard', '-z'], {
    cwd: checkout,
    encoding: 'utf8',
  })
  for (const f of files.split('\0').filter(f => f && existsSync(join(checkout, f))))
    cpSync(join(checkout, f), join(copy, f))
  symlinkSync(join(checkout, 'node_modules'), join(copy, 'node_modules'))
  const touched = new Set<string>()
  for (const { file, before, code } of blocksOf(readFileSync(join(copy, page), 'utf8'))) {
    const at = join(copy, file)
    if (before === undefined) {
      if (existsSync(at)) throw new Error(`${file} is there already`)
      mkdirSync(dirname(at), { recursive: true })
      writeFileSync(at, code)
    } else {
      const [head, tail, more] = readFileSync(at, 'utf8').split(`${before}\n`)
      if (tail === undefined || more !== undefined) throw new Error(`${file} has not exactly one line ${before}`)
      writeFileSync(at, `${head}${code}${before}\n${tail}`)
    }
    touched.add(file)
  }
  return [...touched]
}
