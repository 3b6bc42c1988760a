// The page about the query API: every route of the OpenAPI document, with what it takes.
import { html, page } from '../pages/html.ts'

interface Parameter {
  readonly name: string
  readonly in: 'path' | 'query'
  readonly required?: boolean
  readonly description?: string
  readonly schema?: { readonly description?: string }
}

interface Document {
  readonly info: { readonly description?: string }
  readonly paths: Readonly<
    Record<string, Readonly<Record<string, { readonly summary?: string; readonly parameters?: readonly Parameter[] }>>>
  >
}

const parameter = ({ name, required, description, schema }: Parameter) =>
  html`<li><code>${name}</code>${required ? '' : ' (optional)'} ${description ?? schema?.description ?? ''}</li>`

/** @param document as `/openapi.json` gives it */
export function documentPage(document: object): string {
  const { paths, info } = document as Document
  const routes = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(
      ([method, { summary, parameters = [] }]) =>
        html`<div class="card">
          <p><b>${method.toUpperCase()}</b> <code>${path}</code></p>
          <p>${summary ?? ''}</p>
          <ul>
            ${parameters.filter(p => p.in === 'query').map(parameter)}
          </ul>
        </div>`,
    ),
  )
  return page(
    'Query API',
    html`<a href="/">Datasets</a>`,
    html`<p>${info.description ?? ''}</p>
      <p class="soft">The same for programs: <a href="/openapi.json">openapi.json</a></p>
      ${routes}`,
  )
}
