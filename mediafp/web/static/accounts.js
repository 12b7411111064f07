// The accounts: j and k go from one lane to the next, + and - change the span of time (− too).
(() => {
  const { $, $$, isTyping } = window.workbench;
  document.addEventListener("keydown", event => {
    if (isTyping(event) || event.ctrlKey || event.metaKey || event.altKey) return;
    const step = { j: 1, k: -1 }[event.key];
    if (step) {
      const links = $$("[data-row] th a"), place = links.indexOf(document.activeElement);
      const next = links[place < 0 ? 0 : Math.max(0, Math.min(links.length - 1, place + step))];
      if (next) { next.focus(); event.preventDefault(); }
    }
    if (event.key === "−" || event.key === "=") { $(`[data-key="${event.key === "=" ? "+" : "-"}"]`)?.click(); }
  });
})();
