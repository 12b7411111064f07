// The groups: arrows go from one to the next.
(() => {
  const { $$, isTyping } = window.workbench;
  document.addEventListener("keydown", event => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step || isTyping(event) || event.ctrlKey || event.metaKey || event.altKey) return;
    const links = $$(".gcard h2 a, tr[data-group] a"), place = links.indexOf(document.activeElement);
    const next = links[place < 0 ? 0 : Math.max(0, Math.min(links.length - 1, place + step))];
    if (next) { next.focus(); event.preventDefault(); }
  });
})();
