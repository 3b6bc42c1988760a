// `node bench/pages.ts ADDRESS DATASET`: how long the pages of a serving process take, asked one after the other.
import { quantile, table } from './common/print.ts'

const [address, dataset] = process.argv.slice(2)
if (!address || !dataset) {
  console.error('usage: node bench/pages.ts ADDRESS DATASET')
  process.exit(2)
}
const ASKED = 50

async function ask(path: string): Promise<[text: string, ms: number]> {
  const start = performance.now()
  const answer = await fetch(address + path, { headers: { accept: 'text/html' } })
  const text = await answer.text()
  if (!answer.ok) throw new Error(`${path}: ${answer.status}`)
  return [text, performance.now() - start]
}
const [found] = await ask(`/neuron/${dataset}/published`)
const segment = /\/neuron\/[^/]+\/[^/]+\/\d+/.exec(found)![0]
const rows: string[][] = []
for (const path of ['/', `/release/${dataset}/published`, `/dashboard/${dataset}`, segment]) {
  const [, first] = await ask(path)
  const times: number[] = []
  for (let i = 0; i < ASKED; i++) times.push((await ask(path))[1])
  rows.push([path, ...[first, quantile(times, 0.5), quantile(times, 0.95)].map(ms => ms.toFixed(0))])
}
console.log(table(['page', 'first, ms', 'median', '95 %'], rows))
