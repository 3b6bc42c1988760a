// Bundles Neuroglancer into dist/viewer: precomputed and zarr sources; image, segmentation and annotation layers.
import { fileURLToPath } from 'node:url'
import { defineConfig, type Plugin } from 'vite'

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url))

/**
 * Neuroglancer writes `new Worker(/* comment *\/ new URL(...))`. Vite does not see through the comment and would copy the
 * worker unbundled, so the comment goes.
 */
const exposeWorkers = (): Plugin => ({
  name: 'hillock:expose-workers',
  enforce: 'pre',
  transform: {
    filter: { id: /\/neuroglancer\/lib\//, code: 'new Worker(' },
    handler: code => ({ code: code.replace(/new Worker\(\s*\/\*.*?\*\/\s*/gs, 'new Worker('), map: null }),
  },
})

const icon = (paths: string): string =>
  `<svg role="img" xmlns="http://www.w3.org/2000/svg" width="24" height="24" viewBox="0 0 24 24">${paths}</svg>`
const icons: Record<string, string> = {
  'code-alt': icon('<path d="M8 7L3 12L8 17M16 7L21 12L16 17M14 4L10 20"/>'),
  'controls-alt': icon(
    '<path d="M4 7H14M18 7H20M4 17H6M10 17H20"/><circle cx="16" cy="7" r="2"/><circle cx="8" cy="17" r="2"/>',
  ),
  layers: icon('<path d="M12 4L21 9L12 14L3 9Z"/><path d="M3 14L12 19L21 14"/>'),
}

/** Neuroglancer takes three icons that the registry's release of ikonate lacks: these are our own drawings. */
const missingIcons = (): Plugin => ({
  name: 'hillock:missing-icons',
  enforce: 'pre',
  resolveId: {
    filter: { id: /^ikonate\/icons\// },
    handler(source) {
      const name = /([^/]*)\.svg\?raw$/.exec(source)?.[1]
      return name !== undefined && name in icons ? `\0icon:${name}` : null
    },
  },
  load: {
    filter: { id: /^\0icon:/ },
    handler: id => `export default ${JSON.stringify(icons[id.slice(6)])}`,
  },
})

export default defineConfig({
  root: here('.'),
  base: './',
  logLevel: 'warn',
  plugins: [exposeWorkers(), missingIcons()],
  worker: {
    format: 'es',
    rolldownOptions: { checks: { pluginTimings: false } },
    plugins: () => [exposeWorkers(), missingIcons()],
  },
  resolve: {
    conditions: [
      'neuroglancer/datasource:none_by_default',
      'neuroglancer/datasource/precomputed:enabled',
      'neuroglancer/datasource/zarr:enabled',
      'neuroglancer/kvstore:none_by_default',
      'neuroglancer/kvstore/http:enabled',
      'neuroglancer/kvstore/byte_range:enabled',
      'neuroglancer/kvstore/gzip:enabled',
      'neuroglancer/layer:none_by_default',
      'neuroglancer/layer/image:enabled',
      'neuroglancer/layer/segmentation:enabled',
      'neuroglancer/layer/annotation:enabled',
      'module',
      'browser',
      'production',
    ],
  },
  build: {
    outDir: here('../../dist/viewer'),
    emptyOutDir: true,
    target: 'es2022',
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 4000,
    rolldownOptions: { checks: { pluginTimings: false } },
  },
})
