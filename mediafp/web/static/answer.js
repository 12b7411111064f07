// The box on the query: drawn, moved by arrows, or typed; what is typed and what is drawn are the same four numbers.
(() => {
  const { $, $$, say } = window.workbench;
  const STEP = 8, LEAST = 24;
  const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  const between = (value, least, most) => Math.min(most, Math.max(least, value));

  const setUp = boxer => {
    if (boxer.dataset.ready) return;
    boxer.dataset.ready = "1";
    const W = +boxer.dataset.w, H = +boxer.dataset.h, form = $("#part"), go = $("[data-part-go]", form);
    const fields = ["left", "top", "width", "height"].map(name => form.elements[name]);
    const dim = $(".dim", boxer), lines = $$(".boxline", boxer), least = [Math.min(LEAST, W), Math.min(LEAST, H)];
    let box = null, from = null;

    const inAddress = () => {
      const address = new URL(location.href);
      box ? address.searchParams.set("box", box.join(",")) : address.searchParams.delete("box");
      history.replaceState(history.state, "", address);
    };
    const draw = isTyped => {
      const [x, y, w, h] = box ?? [0, 0, 0, 0];
      dim.setAttribute("d", box ? `M0 0H${W}V${H}H0ZM${x} ${y}V${y + h}H${x + w}V${y}Z` : "");
      lines.forEach(line => { line.setAttribute("x", x); line.setAttribute("y", y); line.setAttribute("width", w); line.setAttribute("height", h); });
      if (!isTyped) fields.forEach((field, n) => { field.value = box ? box[n] : ""; });
      const isSmall = box !== null && (w < least[0] || h < least[1]);
      go.disabled = box === null || isSmall;
      go.firstChild.textContent = isSmall ? form.dataset.small : box ? `${form.dataset.search}, ${Math.round(w)} × ${Math.round(h)} ` : form.dataset.search;
    };
    const change = (next, isTyped) => { box = next; draw(isTyped); };
    const at = event => {
      const edges = boxer.getBoundingClientRect();
      return [between(Math.round((event.clientX - edges.left) / edges.width * W), 0, W), between(Math.round((event.clientY - edges.top) / edges.height * H), 0, H)];
    };
    const typed = () => {
      const [x, y, w, h] = fields.map(field => +field.value || 0);
      return w > 0 && h > 0 && x < W && y < H ? [x, y, Math.min(w, W - x), Math.min(h, H - y)] : null;
    };

    boxer.addEventListener("pointerdown", event => { from = at(event); boxer.setPointerCapture(event.pointerId); event.preventDefault(); boxer.focus(); });
    boxer.addEventListener("pointermove", event => {
      if (!from) return;
      const to = at(event);
      change([Math.min(from[0], to[0]), Math.min(from[1], to[1]), Math.abs(from[0] - to[0]), Math.abs(from[1] - to[1])]);
    });
    boxer.addEventListener("pointerup", () => { from = null; if (box && (box[2] < 4 || box[3] < 4)) change(null); inAddress(); });
    fields.forEach(field => field.addEventListener("input", () => { change(typed(), true); inAddress(); }));
    boxer.addEventListener("keydown", event => {
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      if (event.key === "Escape") { change(null); inAddress(); return; }
      if (event.key === "Enter" && !go.disabled) { go.click(); event.preventDefault(); return; }
      const arrow = ARROWS[event.key];
      if (!arrow) return;
      event.preventDefault();
      let [x, y, w, h] = box ?? [W * .3, H * .3, W * .4, H * .4].map(Math.round);
      if (box && event.shiftKey) { w += arrow[0] * STEP; h += arrow[1] * STEP; } else if (box) { x += arrow[0] * STEP; y += arrow[1] * STEP; }
      w = between(w, least[0], W); h = between(h, least[1], H);
      change([between(x, 0, W - w), between(y, 0, H - h), w, h]);
      inAddress();
    });
    form.addEventListener("reset", event => { event.preventDefault(); change(null); inAddress(); boxer.focus(); });
    form.addEventListener("submit", () => { say(form.dataset.search); });
    // Another order has another address, in which the box stays.
    document.addEventListener("htmx:pushedIntoHistory", inAddress);
    change(typed());
  };

  const setUpAll = () => $$("[data-boxer]").forEach(setUp);
  setUpAll();
  document.addEventListener("htmx:afterSettle", event => {
    setUpAll();
    if (event.detail.target?.id === "found" && !event.detail.requestConfig?.headers?.["HX-Boosted"]) say($("#verdict h1").textContent.trim().replace(/\s+/g, " "));
  });
})();
