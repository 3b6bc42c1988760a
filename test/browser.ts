// Headless Chromium with software WebGL 2 for tests and screenshots, from the machine or else from npm.
import { execFileSync } from 'node:child_process'
import { accessSync, constants, existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { findPackageJSON } from 'node:module'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { chromium, type Browser, type Page } from 'playwright-core'

const onPath = (name: string): string | undefined =>
  (process.env['PATH'] ?? '')
    .split(delimiter)
    .map(folder => join(folder, name))
    .find(file => {
      try {
        accessSync(file, constants.X_OK)
        return true
      } catch {
        return false
      }
    })

/**
 * Folder with the Chromium of @sparticuz/chromium (Linux x64), unpacked once per version. It is unpacked under another
 * name and renamed, so that two processes that start together never see half a browser.
 */
async function unpacked(): Promise<string> {
  const description = findPackageJSON('@sparticuz/chromium', import.meta.url)
  if (description === undefined) throw new Error('no browser found: npm ci has not installed @sparticuz/chromium')
  const { version } = JSON.parse(readFileSync(description, 'utf8')) as { version: string }
  const folder = join(tmpdir(), `hillock-chromium-${version}`)
  if (existsSync(folder)) return folder
  const { inflate } = await import('@sparticuz/chromium')
  const partial = `${folder}.${process.pid}`
  mkdirSync(partial, { recursive: true })
  const before = process.env['TMPDIR']
  // The package unpacks into the temporary folder and asks for it at every call.
  process.env['TMPDIR'] = partial
  try {
    const archives = ['chromium.br', 'swiftshader.tar.br', 'fonts.tar.br', 'al2023.tar.br']
    await Promise.all(archives.map(name => inflate(join(dirname(description), 'bin', name))))
  } finally {
    if (before === undefined) delete process.env['TMPDIR']
    else process.env['TMPDIR'] = before
  }
  try {
    renameSync(partial, folder)
  } catch (cause) {
    rmSync(partial, { recursive: true, force: true })
    if (!existsSync(folder)) throw cause
  }
  return folder
}

/** Path of the browser and what its environment needs beyond ours. */
async function findBrowser(): Promise<{ path: string; env: Record<string, string> }> {
  const installed = process.env['CHROME_PATH'] ?? onPath('chromium') ?? onPath('google-chrome')
  if (installed) return { path: installed, env: {} }
  if (process.platform !== 'linux' || process.arch !== 'x64')
    throw new Error('no browser found: set CHROME_PATH to a Chromium or Chrome')
  const folder = await unpacked()
  const path = join(folder, 'chromium')
  const env: Record<string, string> = {}
  // The package's own copies of nss and nspr, for machines that lack them.
  if (execFileSync('ldd', [path], { encoding: 'utf8' }).includes('not found'))
    env['LD_LIBRARY_PATH'] = join(folder, 'al2023', 'lib')
  if (!existsSync('/etc/fonts/fonts.conf')) env['FONTCONFIG_PATH'] = join(folder, 'fonts')
  return { path, env }
}

/** @throws Error where the machine has no browser and none can be unpacked. */
export async function launchBrowser(): Promise<Browser> {
  const { path, env } = await findBrowser()
  return chromium.launch({
    executablePath: path,
    env: { ...(process.env as Record<string, string>), ...env },
    args: [
      '--no-sandbox',
      '--disable-dev-shm-usage',
      '--use-gl=angle',
      '--use-angle=swiftshader',
      '--enable-unsafe-swiftshader',
      '--ignore-gpu-blocklist',
    ],
  })
}

/**
 * Opens a Neuroglancer page and waits until every visible chunk, mesh and skeleton is drawn.
 * @throws Error when that takes more than 150 seconds.
 */
export async function openViewer(page: Page, url: string): Promise<void> {
  await page.goto(url)
  // Ready twice in a row: layers register their parts a moment after they say that they are there.
  let streak = 0
  for (const end = Date.now() + 150_000; streak < 4;) {
    const ready = await page.evaluate(
      `(() => { const v = globalThis.viewer; return !!v && v.layerManager.managedLayers.length > 0 && v.isReady() })()`,
    )
    streak = ready ? streak + 1 : 0
    if (Date.now() > end) throw new Error(`the viewer did not become ready: ${url}`)
    await page.waitForTimeout(250)
  }
}

/** Neuroglancer's own state, as it would stand in the URL. */
export const viewerState = (page: Page): Promise<unknown> =>
  page.evaluate(`JSON.parse(JSON.stringify(globalThis.viewer.state.toJSON()))`)

/** Photographs a page (a viewer once it has drawn everything) into a PNG file. */
export async function screenshot(url: string, file: string, size = { width: 1600, height: 1000 }): Promise<void> {
  const browser = await launchBrowser()
  try {
    const page = await browser.newPage({ viewport: size })
    if (/\/view(er)?\//.test(url)) await openViewer(page, url)
    else await page.goto(url, { waitUntil: 'networkidle' })
    mkdirSync(dirname(file), { recursive: true })
    await page.screenshot({ path: file, timeout: 120_000 })
  } finally {
    await browser.close()
  }
}
