// What is wrong with the page as it stands, and all its words: those that are read and those that are read out.
// Of charts only what is drawn: Vega reads their axes out in English alone.
() => {
  const faults = []
  const folded = document.querySelector('[data-testid=stSidebar][aria-expanded=false]')
  const seen = each => each.checkVisibility({visibilityProperty: true, opacityProperty: true}) && !folded?.contains(each)
  const main = document.querySelector('[data-testid="stMainBlockContainer"]')
  for (const each of [document.documentElement, main])
    if (each.scrollWidth > each.clientWidth) faults.push(`wider than the screen by ${each.scrollWidth - each.clientWidth}`)
  const named = each => `${each.tagName} ${each.getAttribute('aria-label') || each.innerText || each.outerHTML.slice(0, 90)}`
  // What scrolls by itself, sideways or whole, cuts nothing off; what lies over the page is looked at by itself.
  const above = (each, holds) => { for (; each && each !== document.body; each = each.parentElement) if (holds(each)) return each; return null }
  const scrolls = each => above(each.parentElement, up => /auto|scroll/.test(getComputedStyle(up).overflowX) && up.scrollWidth > up.clientWidth && up !== main)
  const layer = each => above(each, up => /fixed|sticky/.test(getComputedStyle(up).position) || up.dataset.testid === 'stPopoverBody' || up.dataset.testid === 'stSidebar')
  const controls = [...document.querySelectorAll('button, a[href], input, textarea, summary, [role=combobox], [role=slider]')]
    .filter(each => seen(each) && each.offsetWidth > 1 && each.offsetHeight > 1 && !each.closest('[data-testid=stDataFrame], [data-testid=stHeader], [data-testid=stToolbar], [data-testid=stElementToolbar]'))
    .map(each => ({each, box: each.getBoundingClientRect(), layer: layer(each), inside: scrolls(each)}))
  for (const {each, box, inside} of controls)
    if (!inside && (box.left < -1 || box.right > innerWidth + 1)) faults.push(`out of view: ${named(each)} ${box.left} ${box.right}`)
  for (let a = 0; a < controls.length; a++) for (let b = a + 1; b < controls.length; b++) {
    const [one, two] = [controls[a], controls[b]]
    if (one.layer !== two.layer || one.inside !== two.inside || one.each.contains(two.each) || two.each.contains(one.each)) continue
    if (above(one.each, up => up.contains(two.each) && /stSelectbox|stMultiSelect|stNumberInput|stTextInput|stDateInput|stCheckbox|stChatInput|stFileUploader|stSlider|stVegaLiteChart/.test(up.dataset.testid ?? ''))) continue
    const wide = Math.min(one.box.right, two.box.right) - Math.max(one.box.left, two.box.left)
    const high = Math.min(one.box.bottom, two.box.bottom) - Math.max(one.box.top, two.box.top)
    if (wide > 2 && high > 2) faults.push(`overlap: ${named(one.each)} and ${named(two.each)}`)
  }
  for (const each of document.querySelectorAll('p, label, h1, h2, h3, h4, summary, td, th')) {
    if (!seen(each) || each.closest('[data-testid=stDataFrame], .katex') || !each.innerText.trim()) continue
    const cut = above(each, up => getComputedStyle(up).overflowX === 'hidden')
    if (cut && !cut.contains(scrolls(each)) && each.getBoundingClientRect().right > 0 && !cut.matches('.stApp, [data-testid=stSidebarContent]') && getComputedStyle(cut).textOverflow !== 'ellipsis') {
      const [words, edge] = [each.getBoundingClientRect(), cut.getBoundingClientRect()]
      if (edge.width > 1 && (words.right > edge.right + 1 || words.left < edge.left - 1)) faults.push(`cut off: ${named(each)}`)
    }
  }
  const words = []
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
  for (let node; (node = walker.nextNode());) {
    const around = node.parentElement
    if (around.closest('script, style, code, pre, .katex, [class*=st-key-text_], [class*=_example], .stMarkdownColoredBackground, [data-testid=stIconMaterial]')) continue
    if (seen(around) && node.data.trim()) words.push(node.data.trim())
  }
  for (const each of document.querySelectorAll('[aria-label], [title], [alt], [placeholder]'))
    if (seen(each) && !each.closest('[data-testid=stVegaLiteChart]')) for (const name of ['aria-label', 'title', 'alt', 'placeholder'])
      if (each.getAttribute(name)) words.push(each.getAttribute(name))
  return {faults, words}
}
