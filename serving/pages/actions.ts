// Forms by which a page changes something: a reason for the record, the buttons, and what comes of it beside them; and the steps of releases and rollbacks that somebody has to say something to.
import type { FastifyRequest } from 'fastify'
import type { SagaStep } from '../../domain/operator.ts'
import { html, table, type Html, type Part } from './html.ts'

interface Button {
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

/**
 * The method keeps a browser that has not loaded the script yet from sending it as it is.
 * @param id of the form, which no other of the page has
 */
export const action = (id: string, fields: Part, buttons: readonly Button[]): Html =>
  html`<form class="action" id="${id}" method="dialog" data-action>
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

/** What a step or gate belongs to. */
export type Of<T> = T & { readonly workflowId: string }

const ACTIONS = { retry: 'Try again', skip: 'Leave it', done: 'It was done by hand' } as const

/** @param here the page, to come back to */
export const stuckSteps = (steps: readonly Of<SagaStep>[], may: May, here: string): Html[] =>
  steps
    .filter(s => s.state === 'stuck')
    .map(s => {
      const [, dataset] = s.workflowId.split('/')
      const fields = html`<input type="hidden" name="workflow" value="${s.workflowId}" />
        <input type="hidden" name="step" value="${s.name}" />`
      const buttons = Object.entries(ACTIONS).map(([a, text]) => ({
        text,
        path: `/operate/${dataset}/steps/${a}`,
        plain: a !== 'retry',
      }))
      return html`<div class="card" id="stuck-${s.name}">
        <p><b>${s.name} of ${s.workflowId} keeps failing</b></p>
        <p class="warn">${s.error}</p>
        ${ifOperator(may, here, action(`step-${s.name}`, fields, buttons))}
      </div>`
    })

/** Rollbacks that are under way. */
export const rollbacksUnderWay = (steps: readonly Of<SagaStep>[], may: May, here: string): Part =>
  [...Map.groupBy(steps, s => s.workflowId)].map(
    ([id, own]) =>
      html`<div class="card" id="${id}">
          <p><b>${id} is under way</b></p>
          ${table(
            ['step', 'state'],
            own.map(s => [s.name, s.state]),
            2,
          )}
        </div>
        ${stuckSteps(own, may, here)}`,
  )
