// Settings: their page is what the table prints, and no code reads a variable that the table does not have.
import { globSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { numberSetting, setting, settingNames, settingsMarkdown } from '../../domain/settings.ts'

test('docs/configuration.md is what the table prints', () => {
  expect(readFileSync('docs/configuration.md', 'utf8').trimEnd(), 'run: ./hillock config > docs/configuration.md').toBe(
    settingsMarkdown().trimEnd(),
  )
})

test('whatever the code reads is in the table, and nothing else is', () => {
  const rooms = '{activities,client,demo,domain,kernels,serving,specimen,storage,worker,workflows}/**/*.ts'
  const code = [...globSync(rooms), 'hillock', 'node_modules/@temporalio/envconfig/lib/envconfig-toml.js']
    .filter(file => file !== 'domain/settings.ts')
    .map(file => readFileSync(file, 'utf8'))
    .join('\n')
  const read = new Set(code.match(/\b(HILLOCK|TEMPORAL)_[A-Z_]+[A-Z]\b/g))
  // Of the stack, for what it starts itself; not heeded by the SDK; of the codec, which we have none of.
  const not = /^HILLOCK_STACK_OF$|_DISABLE_HOST_VERIFICATION$|_CODEC_|_GRPC_META|_DATA$/
  expect([...read].filter(name => !not.test(name) && !settingNames.includes(name))).toEqual([])
  expect(settingNames.filter(name => /^(HILLOCK|TEMPORAL)/.test(name) && !read.has(name))).toEqual([])
})

test('an empty variable is none, and a number is one', () => {
  process.env['HILLOCK_BUCKET'] = ''
  process.env['HILLOCK_THREADS'] = '2'
  expect([setting('HILLOCK_BUCKET'), numberSetting('HILLOCK_THREADS')]).toEqual([undefined, 2])
  process.env['HILLOCK_THREADS'] = 'many'
  expect(() => numberSetting('HILLOCK_THREADS')).toThrow('HILLOCK_THREADS is many, which is no whole number')
  delete process.env['HILLOCK_THREADS']
})
