// Forms by which a page changes something: a reason for the record, the buttons, and what comes of it beside them.
import type { FastifyRequest } from 'fastify'
import { html, type Html, type Part } from './html.ts'

export interface Button {
  readonly text: string
  /** Route to which the form is sent. */
  readonly path: string
  /** What matters less, or can't be meant by accident. */
  readonly plain?: boolean
}

/** What somebody may do who looks at a page. */
export interface May {
  readonly operate: boolean
  readonly force: boolean
}

export const mayOf = (request: FastifyRequest, dataset: string): May => ({
  operate: request.may('operator', dataset),
  force: request.may('admin', dataset),
})

/** @param id of the form, which no other of the page has */
export const action = (id: string, fields: Part, buttons: readonly Button[]): Html =>
  html`<form class="action" id="${id}" method="post" data-action>
    ${fields}
    <label class="reason">Reason <input name="reason" required maxlength="2000" autocomplete="off" /></label>
    <span
      >${buttons.map(
        b => html`<button formaction="${b.path}" class="${b.plain ? 'plain' : ''}">${b.text}</button> `,
      )}</span
    >
    <output role="alert"></output>
  </form>`

/** The forms, or what is missing to be given them. */
export const ifOperator = (may: May, page: string, forms: Part): Part =>
  may.operate
    ? forms
    : html`<p class="soft">
        Deciding here needs the role operator: <a href="/login?to=${encodeURIComponent(page)}">sign in</a>.
      </p>`

/** @param list values with what is shown for them */
export const choice = (name: string, label: string, list: readonly (readonly [string, string])[], chosen = ''): Html =>
  html`<label
    >${label}
    <select name="${name}">
      ${list.map(([value, shown]) => html`<option value="${value}" ${value === chosen ? 'selected' : ''}>${shown}</option>`)}
    </select></label
  >`
