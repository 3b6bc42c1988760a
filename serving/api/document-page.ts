// The page about the query API: every endpoint with what it takes.
import { API, endpoints } from '../../domain/api/endpoints.ts'
import { html, page } from '../pages/html.ts'

export const documentPage = (about: string): string =>
  page(
    'Query API',
    html`<a href="/">Datasets</a>`,
    html`<p>${about}</p>
      <p class="soft">The same for programs: <a href="/openapi.json">openapi.json</a></p>
      ${Object.values(endpoints).map(
        ({ method, path, summary, query }) =>
          html`<div class="card">
            <p><b>${method}</b> <code>${API}${path.replaceAll(/:(\w+)/g, '{$1}')}</code></p>
            <p>${summary}</p>
            <ul>
              ${Object.entries(query.shape).map(
                ([name, type]) =>
                  html`<li>
                    <code>${name}</code>${type.safeParse(undefined).success ? ' (optional)' : ''}
                    ${type.description ?? ''}
                  </li>`,
              )}
            </ul>
          </div>`,
      )}`,
  )
