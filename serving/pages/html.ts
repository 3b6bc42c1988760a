// Self-contained HTML pages: a template tag that escapes, and the frame that every page shares.
import type { Hole } from '../../domain/release.ts'

const ESCAPES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }

/** Markup that is safe to put into a page. */
export class Html {
  readonly text: string
  constructor(text: string) {
    this.text = text
  }
}

export type Part = Html | string | number | null | undefined | readonly Part[]

const render = (part: Part): string => {
  if (part === null || part === undefined) return ''
  if (part instanceof Html) return part.text
  if (typeof part === 'object') return part.map(render).join('')
  return String(part).replace(/[&<>"']/g, c => ESCAPES[c]!)
}

/** Template tag: values are escaped unless they are Html; arrays are joined; null and undefined vanish. */
export const html = (strings: TemplateStringsArray, ...parts: Part[]): Html =>
  new Html(strings.reduce((out, s, i) => out + render(parts[i - 1]) + s))

const STYLE = `
:root{color-scheme:light dark;--ink:#1d2733;--soft:#64748b;--line:#dbe2ea;--page:#f7f9fb;--card:#fff;--accent:#1f6feb;--warm:#b45309}
@media(prefers-color-scheme:dark){:root{--ink:#e6edf3;--soft:#93a1b1;--line:#2b3643;--page:#0e141b;--card:#161e27;--accent:#79b8ff;--warm:#f0b45b}}
*{box-sizing:border-box}
body{margin:0 auto;max-width:76rem;padding:0 1.5rem 4rem;background:var(--page);color:var(--ink);font:15px/1.5 system-ui,sans-serif}
a{color:var(--accent);text-decoration:none}a:hover{text-decoration:underline}
:focus-visible{outline:2px solid var(--accent);outline-offset:2px}.skip:not(:focus){position:absolute;clip-path:inset(50%)}
header{display:flex;flex-wrap:wrap;gap:.2rem 1.4rem;padding:.8rem 0;margin-bottom:1.4rem;border-bottom:1px solid var(--line)}
header a{color:var(--soft)}header a:first-child,header a[aria-current]{color:var(--ink);font-weight:600}header a:last-child{margin-left:auto}
h1{font-size:1.5rem;margin:.2rem 0 .6rem;overflow-wrap:anywhere}h2{font-size:1.1rem;margin:2rem 0 .6rem}
.soft{color:var(--soft);font-size:.9em}
code,.mono{font:12.5px/1.45 ui-monospace,monospace}
.card>:first-child{margin-top:0}.card>:last-child{margin-bottom:0}
.card{background:var(--card);border:1px solid var(--line);border-radius:8px;padding:1rem 1.2rem;margin:1rem 0;overflow-x:auto}
table{border-collapse:collapse;width:100%}th{font-weight:600;text-align:left;color:var(--soft);font-size:.85em}
th,td{padding:.3rem .9rem .3rem 0;border-bottom:1px solid var(--line);vertical-align:top}tr:last-child td{border-bottom:0}
th code,td code{overflow-wrap:anywhere}td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}td.n a{white-space:nowrap}
dl{display:grid;grid-template-columns:max-content 1fr;gap:.15rem 1.2rem;margin:0}dt{color:var(--soft)}dd{margin:0;overflow-wrap:anywhere}
.button,button{display:inline-block;background:var(--accent);color:#fff;border:0;border-radius:6px;padding:.25rem .8rem;font:inherit;font-weight:600;cursor:pointer}
button.plain{background:none;color:var(--accent);box-shadow:inset 0 0 0 1px var(--line)}button:disabled{opacity:.5;cursor:default}
@media(prefers-color-scheme:dark){.button,button{color:#0e141b}}
@media(max-width:40rem){body{padding:0 1rem 3rem}dl{grid-template-columns:1fr}dd{margin-bottom:.4rem}}
.tag{border:1px solid var(--line);border-radius:99px;padding:0 .6rem;font-size:.85em}.tag.published{border-color:var(--accent);color:var(--accent)}
.warn{color:var(--warm)}pre{white-space:pre-wrap;overflow-wrap:anywhere;margin:0}details>summary{cursor:pointer;color:var(--soft)}
input,select{font:inherit;padding:.15rem .5rem;border:1px solid var(--line);border-radius:6px;background:var(--page);color:var(--ink);max-width:100%}
svg text{font:13px system-ui,sans-serif;fill:var(--ink)}svg .soft{fill:var(--soft);font-size:11.5px}
svg rect{fill:var(--page);stroke:var(--line)}svg a:hover rect{stroke:var(--accent)}svg path{fill:none;stroke:var(--soft);opacity:.55}
svg.stages rect.part{fill:var(--accent);opacity:.25;stroke:none}svg.stages rect.warned{fill:var(--warm)}@media(max-width:40rem){svg.stages{margin-left:-9rem}}
form.action{display:flex;flex-wrap:wrap;align-items:end;gap:.5rem .9rem;margin:.6rem 0}form.action label{color:var(--soft);font-size:.9em}form.action input,form.action select{display:block;font-size:1.1em}
.reason{flex:1 1 14rem}.reason input{width:100%}form.action output{flex-basis:100%}form.action output:empty{display:none}
`

/** Pages that every page leads to. */
const NAVIGATION = [
  ['/runs', 'Runs'],
  ['/', 'Releases'],
  ['/neuron', 'Neurons'],
  ['/dashboard', 'Dashboard'],
] as const
type Tab = (typeof NAVIGATION)[number][0]

/**
 * A whole page; `trail` stands above the heading as links back.
 * @param tab the one of the navigation to which it belongs
 * @param script `forms`: it has forms that change something; `live`: it is also kept up to date
 */
export const page = (title: string, trail: Html, body: Html, tab?: Tab, script?: 'forms' | 'live'): string =>
  '<!doctype html>' +
  html`<html lang="en">
    <head>
      <meta charset="utf-8" />
      <meta name="viewport" content="width=device-width, initial-scale=1" />
      <title>${title} · Hillock</title>
      <link rel="icon" href="data:," />
      <style>
        ${new Html(STYLE)}
      </style>
      ${script && html`<script type="module" src="/page.js"></script>`}
    </head>
    <body>
      <a class="skip" href="#main">Skip to content</a>
      <header>
        <a href="/">Hillock</a>
        ${NAVIGATION.map(([to, name]) => html`<a href="${to}" ${to === tab ? html`aria-current="page"` : null}>${name}</a>`)}
        <a href="/login">Account</a>
      </header>
      ${script && html`<p id="lost" class="warn" role="status"></p>`}
      <main id="main" ${script === 'live' ? 'data-live' : null}>
        <nav class="soft" aria-label="Where this is">${trail}</nav>
        <h1>${title}</h1>
        ${body}
      </main>
    </body>
  </html>`.text

/** What is known of something: each word with what is said under it; what is null or undefined is left out. */
export const facts = (list: readonly (readonly [string, Part])[]): Html =>
  html`<dl>
    ${list.map(([word, said]) =>
      said === null || said === undefined
        ? null
        : html`<dt>${word}</dt>
            <dd>${said}</dd>`,
    )}
  </dl>`

/** @param text columns of text before those of figures */
export const table = (head: readonly Part[], rows: readonly (readonly Part[])[], text = 1): Html =>
  html`<table>
    ${
      head.length > 0
        ? html`<tr>
            ${head.map((h, i) => html`<th scope="col" class="${i < text ? '' : 'n'}">${h}</th>`)}
          </tr>`
        : null
    }
    ${rows.map(
      r =>
        html`<tr>
          ${r.map((c, i) => html`<td class="${i < text ? '' : 'n'}">${c}</td>`)}
        </tr>`,
    )}
  </table>`

/** The same, each heading with what stands under it. */
export const listing = <R>(columns: Readonly<Record<string, (row: R) => Part>>, rows: readonly R[], text = 1): Html =>
  table(
    Object.keys(columns),
    rows.map(r => Object.values(columns).map(cell => cell(r))),
    text,
  )

/** A heading, a word on what follows, and that; called by its title, in small letters, in addresses. */
export const section = (title: string, note: Part, body: Part): Html =>
  html`<section id="${title.toLowerCase().replaceAll(/\W+/g, '-')}">
    <h2>${title}</h2>
    ${note === null ? null : html`<p class="soft">${note}</p>`}
    <div class="card">${body}</div>
  </section>`

/** Holes under a word that says how many there are; nothing where there is none. */
export const holeList = (word: string, holes: readonly Hole[], isOpen: boolean, most = Infinity): Part =>
  holes.length === 0
    ? null
    : html`<details ${isOpen ? 'open' : null}>
        <summary>${word}</summary>
        ${holes.slice(0, most).map(h => html`<div>${h.stage}, ${h.what}: ${h.reason}</div>`)}
        ${holes.length > most ? 'and more' : null}
      </details>`

/** Figures as people read them: 12,345; 0.0123; 3.2e-7. */
export const figure = (n: number): string =>
  Number.isInteger(n) || n >= 1000 ? Math.round(n).toLocaleString('en-US') : String(Number(n.toPrecision(3)))

export const known = (n: number | null | undefined): string => (n === null || n === undefined ? '–' : figure(n))

/** A moment to the minute. */
export const moment = (at: Date | string | number): string =>
  `${new Date(at).toISOString().slice(0, 16).replace('T', ' ')} UTC`

export const bytes = (n: number): string => {
  const units = ['B', 'kB', 'MB', 'GB', 'TB']
  let u = 0
  for (; n >= 1000 && u < units.length - 1; u++) n /= 1000
  return `${u === 0 ? n : n.toPrecision(3)} ${units[u]}`
}

/** The first 12 digits of a digest, with the whole of it as a tooltip. */
export const shortDigest = (digest: string): Html => html`<code title="${digest}">${digest.slice(0, 12)}</code>`
