// Photographs a served page: node test/screenshot.ts URL OUT.png [WIDTH HEIGHT]
import { screenshot } from './browser.ts'

const [url, file, width = '1600', height = '1000'] = process.argv.slice(2)
if (!url || !file) {
  console.error('usage: node test/screenshot.ts URL OUT.png [WIDTH HEIGHT]')
  process.exit(2)
}
await screenshot(url, file, { width: Number(width), height: Number(height) })
console.log(file)
