// Reading run files: what is wrong with the text is said in one line.
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { readRunFile } from '../../client/run-file.ts'
import { freshFolder } from '../storage/fixtures.ts'

test.each([
  ['dataset: a\ndataset: b\n', 'Map keys must be unique at line 2, column 1'],
  ['dataset: a\n---\ndataset: b\n', 'Source contains multiple documents at line 2, column 1'],
  ['dataset: [\n', 'Flow sequence'],
])('%j', async (text, why) => {
  const file = join(await freshFolder(), 'run.yaml')
  await writeFile(file, text)
  expect(() => readRunFile(file)).toThrow(new RegExp(`^\\S+run.yaml is not valid YAML: ${why}.*$`))
  expect(() => readRunFile(file)).not.toThrow(/\n/)
})
