// Words of transcripts: the one that is being said is marked, and a click on one goes to its second.
document.addEventListener("DOMContentLoaded", () => {
  const { $, $$ } = window.workbench;
  const players = $("#players"), shown = new Map();

  // Lines are few; of words, those of the lines that are being said alone are looked at.
  const show = (list, seconds) => {
    if (Math.abs((shown.get(list) ?? -1) - seconds) < 0.02) return;
    shown.set(list, seconds);
    $$("[data-from]", list).forEach(line => {
      const isSaid = seconds >= +line.dataset.from && seconds < +line.dataset.to;
      if (isSaid && !line.hasAttribute("aria-current")) {
        line.setAttribute("aria-current", "true");
        // The page itself stays where its reader put it.
        list.scrollTop = line.offsetTop - (list.clientHeight - line.offsetHeight) / 2;
      }
      if (!isSaid && !line.hasAttribute("aria-current")) return;
      if (!isSaid) line.removeAttribute("aria-current");
      $$("[data-until]", line).forEach(word => word.classList.toggle("now", seconds >= +word.dataset.at && seconds < +word.dataset.until));
    });
  };
  players?.addEventListener("playhead", event => $$(".saidlist").forEach(list => show(list, event.detail[list.dataset.words])));

  document.addEventListener("click", event => {
    const word = event.target.closest("[data-at]"), list = word?.closest("[data-words]");
    if (!list || event.ctrlKey || event.metaKey || event.shiftKey) return;
    // Whoever selects words to copy them stays where they are.
    if (!word.href && !getSelection().isCollapsed) return;
    event.preventDefault();
    const side = list.dataset.words, seconds = +word.dataset.at;
    if (players) { players.dispatchEvent(new CustomEvent("seek", { detail: { side, seconds } })); return; }
    location.assign(`?as=video&${side === "query" ? "t" : "r"}=${seconds.toFixed(2)}`);
  });
});
