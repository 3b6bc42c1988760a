// A process that writes to a store until it is done or killed; started by the tests of the storage room.
import { writeSync } from 'node:fs'
import { artifactStore } from '../../storage/artifacts.ts'
import { openStore } from '../../storage/stores/open-store.ts'
import { attempt, bytesOf, recipeOf } from './formats/fixtures-plain.ts'

const [task, url, count] = process.argv.slice(2)
const store = openStore(url!)
// So that some object is there however soon the kill comes.
if (task === 'objects') await store.putIfAbsent('objects/0', bytesOf(0))
writeSync(1, 'ready\n')

if (task === 'objects') for (let n = 0; n < Number(count); n++) await store.putIfAbsent(`objects/${n}`, bytesOf(n))

if (task === 'count') {
  for (let n = 0; n < Number(count);) {
    const now = await store.readRef('refs/d/counter')
    const value = String(Number(now?.value ?? 0) + 1)
    if (await store.swapRef('refs/d/counter', now?.version, value)) {
      writeSync(1, `counted ${value}\n`)
      n++
    }
  }
}

if (task === 'artifacts') {
  const artifacts = artifactStore(store)
  for (let n = 0; n < Number(count); n++) {
    const writer = artifacts.write(recipeOf(n))
    await Promise.all([0, 1, 2].map(i => writer.put(`part/${i}`, bytesOf(3 * n + i))))
    await writer.commit(attempt)
  }
}
