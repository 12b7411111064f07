// A group: pick members with x, go from one to the next, and say how many are picked.
(() => {
  const { $, $$, isTyping } = window.workbench;
  const boxes = $$("input[data-pick]"), says = $("[data-picked]");
  if (!boxes.length) return;
  const show = () => {
    const picked = boxes.filter(box => box.checked);
    boxes.forEach(box => box.closest("tr").setAttribute("aria-selected", box.checked));
    $(".picked").classList.toggle("on", picked.length > 0);
    says.textContent = picked.length ? says.dataset.some.replace("{n}", picked.length).replace("{all}", boxes.length) : says.dataset.none;
    $$("[data-needs]").forEach(button => { button.disabled = !picked.length; });
  };
  boxes.forEach(box => box.addEventListener("change", show));
  show();
  document.addEventListener("keydown", event => {
    if (isTyping(event) || event.ctrlKey || event.metaKey || event.altKey) return;
    const row = document.activeElement.closest?.("tr"), place = boxes.findIndex(box => row?.contains(box));
    if (event.key === "x" && place >= 0) { boxes[place].click(); event.preventDefault(); }
    const step = { j: 1, k: -1 }[event.key];
    if (step) { boxes[place < 0 ? 0 : Math.max(0, Math.min(boxes.length - 1, place + step))].focus(); event.preventDefault(); }
  });
})();
