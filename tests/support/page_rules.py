"""The rules that every page of the workbench keeps, checked in the page itself; and its address, opened anew."""

from typing import Any

from playwright.sync_api import Page

MIN_CONTRAST = 4.5
"""Contrast of text and its ground, WCAG 2.2 AA; 3 for large text."""
MIN_TARGET_PIXELS = 24
"""Width and height of a control, WCAG 2.2 AA; links in a line of text are exempt."""

RULES = """({ contrast, target }) => {
  const broken = [], say = (rule, e) => broken.push(`${rule}: ${e.outerHTML.replace(/\\s+/g, " ").slice(0, 160)}`);
  const root = document.documentElement, all = selector => [...document.querySelectorAll(selector)];
  if (root.scrollWidth > root.clientWidth) broken.push(`wider than the window by ${root.scrollWidth - root.clientWidth} pixels`);
  const drawn = e => e.checkVisibility({ visibilityProperty: true });
  const hidden = e => e.closest(".hide, .skip, [aria-hidden=true], dialog:not([open])");

  // Names.
  const controls = all("a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex='0'], iframe")
    .filter(drawn);
  const named = e => e.textContent.trim() || e.getAttribute("aria-label") || e.getAttribute("aria-labelledby") || e.labels?.length
    || e.title || e.querySelector("img[alt]:not([alt='']), title, [aria-label]");
  controls.filter(e => !hidden(e) && !named(e)).forEach(e => say("no name", e));
  all("img:not([alt])").forEach(e => say("no alternative text", e));
  all("svg[role=img]:not([aria-label])").forEach(e => say("no name", e));
  all("th:not([scope])").forEach(e => say("heading without a scope", e));
  all("[id]").forEach((e, i, list) => { if (document.getElementById(e.id) !== e) say("id used twice", e); });
  all("[aria-labelledby]").filter(e => !document.getElementById(e.getAttribute("aria-labelledby")))
    .forEach(e => say("label is missing", e));

  // Headings: one h1 before the others, no level left out on the way down.
  const levels = all("main h1, main h2, main h3, main h4, main h5").map(e => +e.tagName[1]);
  if (levels[0] !== 1 || levels.filter(n => n === 1).length !== 1) broken.push(`headings ${levels}`);
  levels.forEach((n, i) => { if (i && n > levels[i - 1] + 1) broken.push(`heading ${n} after ${levels[i - 1]}`); });

  // Contrast of every visible text.
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true }), known = new Map();
  const colour = text => {
    if (!known.has(text)) {
      canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = "#000"; canvas.fillStyle = text; canvas.fillRect(0, 0, 1, 1);
      const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data;
      known.set(text, [r, g, b, a / 255]);
    }
    return known.get(text);
  };
  const over = (top, below) => [0, 1, 2].map(i => top[i] * top[3] + below[i] * (1 - top[3])).concat(1);
  const ground = e => {
    if (!e) return colour(getComputedStyle(root).colorScheme.startsWith("dark") ? "#121416" : "#fff");
    const own = colour(getComputedStyle(e).backgroundColor);
    return own[3] === 1 ? own : over(own, ground(e.parentElement));
  };
  const light = c => {
    const [r, g, b] = c.slice(0, 3).map(v => (v /= 255) <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4);
    return .2126 * r + .7152 * g + .0722 * b;
  };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT), han = /[\\u3400-\\u9fff]/;
  const seen = new Set();
  for (let node; (node = walker.nextNode());) {
    const e = node.parentElement, text = node.textContent.trim();
    if (!text || /^(SCRIPT|STYLE|TITLE|NOSCRIPT|OPTION)$/i.test(e.tagName) || !drawn(e)) continue;
    const isChinese = han.test(text) && !root.lang.startsWith("zh");
    if (isChinese && !e.closest("[lang]:not(html)")) say(`no language of “${text.slice(0, 20)}”`, e);
    if (hidden(e) || e.closest(":disabled, .player .mat, .peek .mat") || seen.has(e)) continue;
    seen.add(e);
    const style = getComputedStyle(e), below = ground(e);
    const front = over(colour(e instanceof SVGElement ? style.fill : style.color), below), a = light(front), b = light(below);
    const ratio = (Math.max(a, b) + .05) / (Math.min(a, b) + .05), size = parseFloat(style.fontSize);
    const least = size >= 24 || (size >= 18.66 && +style.fontWeight >= 700) ? 3 : contrast;
    if (ratio < least) say(`contrast ${ratio.toFixed(2)}`, e);
  }

  // Size of controls; a link in a line of text is as high as the line.
  for (const e of controls) {
    if (hidden(e) || e.matches("a:not(.btn, .thumb, .mat), .marked, iframe, input.hide")) continue;
    const box = e.getBoundingClientRect(), label = e.labels?.[0]?.getBoundingClientRect();
    const width = Math.max(box.width, label?.width ?? 0), height = Math.max(box.height, label?.height ?? 0);
    if (width < target - .5 || height < target - .5) say(`target ${width.toFixed(0)} × ${height.toFixed(0)}`, e);
  }

  // The ring of what has the focus.
  const before = document.activeElement, at = [scrollX, scrollY];
  for (const e of controls) {
    if (hidden(e) || e.disabled || e.tabIndex < 0 || e.tagName === "IFRAME") continue;
    e.focus({ focusVisible: true, preventScroll: true });
    const ring = getComputedStyle(e.matches("input.hide") ? e.nextElementSibling : e);
    if (document.activeElement !== e) say("takes no focus", e);
    else if (ring.outlineStyle === "none" || parseFloat(ring.outlineWidth) < 2) say("no ring", e);
  }
  before?.focus?.({ preventScroll: true }); document.activeElement?.blur(); scrollTo(...at);
  return [...new Set(broken)];
}"""
"""Function that returns what a page breaks: its width, names, headings, languages, contrast, targets, rings."""

UNREACHED = """() => [...document.querySelectorAll("a[href], button, input:not([type=hidden]), select, textarea, summary")]
  .filter(e => e.checkVisibility({ visibilityProperty: true }) && !e.disabled && e.tabIndex >= 0
    && !e.closest("dialog:not([open])") && !window.reached.has(e) && !(e.type === "radio" && !e.checked))
  .map(e => e.outerHTML.slice(0, 160))"""
"""Function that returns the controls that `reached` does not contain."""


def broken_rules(page: Page) -> list[str]:
    """Return what the page that is open breaks, a sentence each."""
    found: list[str] = page.evaluate(RULES, {"contrast": MIN_CONTRAST, "target": MIN_TARGET_PIXELS})
    return found


def unreached_by_tab(page: Page) -> list[str]:
    """Return the controls that Tab does not reach."""
    page.evaluate(
        "window.reached = new Set(); document.addEventListener('focusin', event => window.reached.add(event.target));"
        " document.body.tabIndex = -1; document.body.focus(); document.body.removeAttribute('tabindex')"
    )
    count: Any = page.evaluate(
        "document.querySelectorAll('a, button, input, select, textarea, summary, [tabindex]').length"
    )
    for _ in range(count + 3):
        page.keyboard.press("Tab")
    found: list[str] = page.evaluate(UNREACHED)
    return found


def open_again(page: Page) -> None:
    """Open the address that a page states, as a link to it and a reload do.

    `Page.reload` takes the address from the process of the browser, which learns of `history.replaceState` later than
    the page: right after a key it may open the address of before.
    """
    page.goto(page.evaluate("location.href"))
