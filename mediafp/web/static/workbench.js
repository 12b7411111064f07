// What every page does: theme, keys, copying, the token of the page in requests of scripts.
(() => {
  const $ = (selector, root = document) => root.querySelector(selector), $$ = (selector, root = document) => [...root.querySelectorAll(selector)];
  const root = document.documentElement, themes = ["auto", "light", "dark"], signs = { auto: "◐", light: "○", dark: "●" };
  const say = text => { $("#live").textContent = text; };

  let theme = "auto";
  try { theme = localStorage.getItem("theme") || "auto"; } catch { /* a private window keeps nothing */ }
  const show = wanted => {
    theme = themes.includes(wanted) ? wanted : "auto";
    theme === "auto" ? root.removeAttribute("data-theme") : root.dataset.theme = theme;
    const button = $("[data-theme-button]");
    if (button) { button.title = button.dataset[theme]; button.setAttribute("aria-label", button.dataset[theme]); button.textContent = signs[theme]; }
  };
  show(theme);
  $("[data-theme-button]")?.addEventListener("click", () => {
    show(themes[(themes.indexOf(theme) + 1) % themes.length]);
    try { localStorage.setItem("theme", theme); } catch { /* as above */ }
  });

  const keys = $("#keys");
  const isTyping = event => /^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName) && !/^(checkbox|radio|range|button|submit)$/.test(event.target.type);
  $("[data-keys-button]")?.addEventListener("click", () => keys.showModal());
  $("[data-close]", keys)?.addEventListener("click", () => keys.close());
  document.addEventListener("keydown", event => {
    if (isTyping(event) || event.ctrlKey || event.metaKey || event.altKey || keys?.open) return;
    if (event.key === "?") { keys?.showModal(); event.preventDefault(); return; }
    if (event.key === "/") {
      const field = $$("[data-find]").find(element => element.offsetParent);
      if (field) { field.focus(); field.select(); event.preventDefault(); }
      return;
    }
    // A control with a key of its own.
    const control = $$("[data-key]").find(element => element.dataset.key === event.key && !element.disabled && element.offsetParent);
    if (control) { control.click(); event.preventDefault(); }
  });

  document.addEventListener("click", async event => {
    const button = event.target.closest("[data-copy]");
    if (!button) return;
    const text = "copyAddress" in button.dataset ? new URL(button.dataset.copy, location.href).href : button.dataset.copy;
    await navigator.clipboard.writeText(text);
    say($("#live").dataset.copied);
  });

  // Facets: on a narrow page they fold; a choice is followed at once.
  document.addEventListener("click", event => {
    const button = event.target.closest("[data-facets]");
    if (button) button.setAttribute("aria-expanded", $(".facets").classList.toggle("open"));
  });
  document.addEventListener("change", event => { event.target.closest("[data-submit-on-change]")?.requestSubmit(); });

  // Lists that j and k walk: places of a search, lanes, cards.
  document.addEventListener("keydown", event => {
    const step = { j: 1, k: -1 }[event.key];
    if (!step || isTyping(event) || event.ctrlKey || event.metaKey || event.altKey || keys?.open) return;
    const list = $$("[data-jump]");
    if (!list.length) return;
    const at = list.findIndex(element => element === document.activeElement || element.closest("[aria-current]"));
    const next = list[Math.max(0, Math.min(list.length - 1, at + step))];
    list.forEach(element => element.closest(".line, tr, li")?.removeAttribute("aria-current"));
    next.closest(".line, tr, li")?.setAttribute("aria-current", "true");
    next.focus();
    next.click();
    event.preventDefault();
  });

  // Requests that htmx sends carry the token of the page, as forms do.
  document.addEventListener("htmx:configRequest", event => { event.detail.headers["X-Page-Token"] = document.body.dataset.pageToken; });
  // The view is in the address, so that a link to it, a reload and a form that comes back restore it.
  const remember = values => {
    const address = new URL(location.href);
    for (const [name, value] of Object.entries(values)) value === null ? address.searchParams.delete(name) : address.searchParams.set(name, value);
    history.replaceState(history.state, "", address);
    const here = address.pathname + address.search;
    $$("[data-copy-address]").forEach(button => { button.dataset.copy = here; });
    $$("[data-back]").forEach(field => { field.value = here; });
  };
  // A case that can only be read: what would change it is not offered. The server refuses it in any case.
  const readOnly = document.body.dataset.readOnly;
  const disableForms = () => {
    for (const form of $$('form[method="post"]:not([data-reads])')) {
      for (const control of form.elements) {
        if (control.type === "hidden") continue;
        control.disabled = true;
        control.title = readOnly;
      }
    }
  };
  if (readOnly) {
    disableForms();
    document.addEventListener("htmx:afterSettle", disableForms);
  }
  window.workbench = { $, $$, remember, say, isTyping };
})();
