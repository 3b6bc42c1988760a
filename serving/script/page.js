// What pages do beside showing: a live one is fetched again and again, and forms are sent as JSON, with what comes of it beside the button.

const EVERY_MS = 2000
const main = /** @type {HTMLElement} */ (document.querySelector('main'))

/**
 * Makes `from` what `to` is, and leaves alone whatever is the same: the focus, what is typed and where it is scrolled to stay.
 * What has an id is found again by it, in the order of the page.
 * @param {Node} from
 * @param {Node} to
 */
function become(from, to) {
  if (from.isEqualNode(to)) return
  if (!(from instanceof Element && to instanceof Element && from.tagName === to.tagName && from.id === to.id)) {
    from.parentNode?.replaceChild(document.importNode(to, true), from)
    return
  }
  // What an action has come to.
  if (from.tagName === 'OUTPUT') return
  for (const { name, value } of to.attributes) if (from.getAttribute(name) !== value) from.setAttribute(name, value)
  // Somebody may have opened it.
  for (const name of from.getAttributeNames()) if (!to.hasAttribute(name) && name !== 'open') from.removeAttribute(name)
  let at = from.firstChild
  for (const node of to.childNodes) {
    const { id } = /** @type {Element} */ (node)
    const same = id ? [...from.children].find(e => e.id === id) : /** @type {Element | null} */ (at)?.id ? null : at
    if (same) while (at && at !== same) at = removed(at)
    if (same) {
      at = same.nextSibling
      become(same, node)
    } else from.insertBefore(document.importNode(node, true), at)
  }
  while (at) at = removed(at)
}

/** @type {(node: ChildNode) => ChildNode | null} */
function removed(node) {
  const next = node.nextSibling
  node.remove()
  return next
}

async function refresh() {
  const answer = await fetch(location.href, { headers: { accept: 'text/html' } })
  if (!answer.ok) throw new Error(`the server answers ${answer.status}`)
  const fresh = new DOMParser().parseFromString(await answer.text(), 'text/html')
  become(main, /** @type {HTMLElement} */ (fresh.querySelector('main')))
}

const lost = /** @type {HTMLElement} */ (document.getElementById('lost'))
async function follow() {
  for (;;) {
    await new Promise(done => setTimeout(done, EVERY_MS))
    if (document.hidden) continue
    lost.textContent = await refresh().then(
      () => '',
      e => `Not up to date: ${e.message}`,
    )
  }
}
if (main.dataset['live'] !== undefined) void follow()

/** @type {(name: string, value: string) => unknown} */
const typed = (name, value) =>
  name === 'budget' ? Number(value) : name === 'force' ? true : name === 'regions' ? value.split(/[\s,]+/) : value

/** @param {HTMLFormElement} form */
const bodyOf = form => {
  const fields = /** @type {[string, string][]} */ ([...new FormData(form)])
  return Object.fromEntries(fields.filter(([, v]) => v !== '').map(([name, v]) => [name, typed(name, v)]))
}

document.addEventListener('submit', async event => {
  const form = /** @type {HTMLFormElement} */ (event.target)
  if (form.dataset['action'] === undefined) return
  event.preventDefault()
  const button = /** @type {HTMLButtonElement} */ (event.submitter)
  const said = /** @type {HTMLOutputElement} */ (form.querySelector('output'))
  button.disabled = true
  said.textContent = '…'
  try {
    const answer = await fetch(button.formAction, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(bodyOf(form)),
    })
    const { error, todo } = answer.ok ? {} : await answer.json()
    said.className = answer.ok ? 'good' : 'warn'
    said.textContent = answer.ok ? `${button.textContent}: accepted` : `${error}: ${todo}`
    if (answer.ok) form.reset()
    await refresh()
  } catch (e) {
    said.className = 'warn'
    said.textContent = `The server cannot be reached: ${/** @type {Error} */ (e).message}`
  }
  button.disabled = false
})
