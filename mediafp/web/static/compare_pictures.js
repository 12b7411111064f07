// Two pictures beside each other, or the query laid over the reference. The server drew both; this moves what it drew.
document.addEventListener("DOMContentLoaded", () => {
  const { $, $$, remember, isTyping } = window.workbench;
  const stage = $("#stage");
  if (!stage || !stage.dataset.points) return;
  const data = name => JSON.parse(stage.dataset[name]);
  const points = data("points"), toQuery = data("toQuery"), zoom = +stage.dataset.zoom, [frameX, frameY, frameWidth, frameHeight] = data("frame"), [left, right] = data("extent");
  const [queryX, queryY, queryWidth, queryHeight] = data("query"), [referenceX, referenceY, referenceWidth, referenceHeight] = data("reference");
  const besides = $(".besides", stage), over = $(".over", stage), mix = $("#mix"), mixer = $(".mixer"), clip = $("#mix-rect"), laid = $("#laid"), grip = $("#grip");
  const isStill = matchMedia("(prefers-reduced-motion: reduce)").matches, address = new URL(location.href).searchParams;
  const BLINK_MILLISECONDS = 650;
  let isFlipped = false, timer = 0, place = [referenceX ? referenceWidth / 2 : 0, referenceHeight / 2];

  // Side by side: flipping the query moves its points with it.
  const drawPoints = () => {
    const group = $("[data-ties]", besides), lines = $$("line", group), circles = $$("circle", group);
    points.forEach(([x], number) => {
      const shown = queryX + (isFlipped ? queryWidth - x : x);
      lines.slice(2 * number, 2 * number + 2).forEach(line => line.setAttribute("x1", shown));
      circles[2 * number].setAttribute("cx", shown);
    });
    const mirror = isFlipped ? `translate(${queryWidth} 0) scale(-1 1)` : "";
    $("[data-query-side]", besides).setAttribute("transform", mirror);
    $("[data-loupe-flip]")?.setAttribute("transform", mirror);
  };

  // The loupe: the same place in both, enlarged. Coordinates are units of the drawing from the corner of the reference.
  const inQuery = (x, y) => {
    const depth = toQuery[6] * x + toQuery[7] * y + toQuery[8];
    return [(toQuery[0] * x + toQuery[1] * y + toQuery[2]) / depth, (toQuery[3] * x + toQuery[4] * y + toQuery[5]) / depth];
  };
  const inReference = (x, y) => {
    const [a, b, c, d, e, f, g, h, i] = toQuery;
    const [u, v, w] = [(e * i - f * h) * x + (c * h - b * i) * y + (b * f - c * e), (f * g - d * i) * x + (a * i - c * g) * y + (c * d - a * f), (d * h - e * g) * x + (b * g - a * h) * y + (a * e - b * d)];
    return [u / w, v / w];
  };
  const LOUPE_WIDTH = 140, LOUPE_HEIGHT = 70;
  const look = (x, y) => {
    place = [x, y];
    if (!$("#loupes")) return;
    const [queryAtX, queryAtY] = inQuery(x, y), shownX = isFlipped ? queryWidth - queryAtX : queryAtX, width = LOUPE_WIDTH * zoom, height = LOUPE_HEIGHT * zoom;
    $("#loupe-reference").setAttribute("viewBox", `${x - LOUPE_WIDTH / 2} ${y - LOUPE_HEIGHT / 2} ${LOUPE_WIDTH} ${LOUPE_HEIGHT}`);
    $("#loupe-query").setAttribute("viewBox", `${shownX - width / 2} ${queryAtY - height / 2} ${width} ${height}`);
    const says = $("#loupe-says"), isAway = queryAtX < 0 || queryAtY < 0 || queryAtX > queryWidth || queryAtY > queryHeight;
    const pixels = { qx: queryAtX / data("query")[4], qy: queryAtY / data("query")[4], rx: x / data("reference")[4], ry: y / data("reference")[4] };
    says.textContent = isAway ? says.dataset.away : says.dataset.both.replace(/%\((\w+)\)s/g, (_, name) => Math.round(pixels[name]));
  };
  const rememberPlace = () => remember({ at: place.map(value => Math.round(value)).join(",") });
  const pointed = event => new DOMPoint(event.clientX, event.clientY).matrixTransform(besides.getScreenCTM().inverse());
  besides.addEventListener("pointermove", event => {
    const { x, y } = pointed(event);
    if (x >= referenceX) look(x - referenceX, y - referenceY);
    else if (x <= queryX + queryWidth) look(...inReference(isFlipped ? queryX + queryWidth - x : x - queryX, y - queryY));
  });
  besides.addEventListener("click", rememberPlace);
  over.addEventListener("pointermove", event => {
    const { x, y } = new DOMPoint(event.clientX, event.clientY).matrixTransform(over.getScreenCTM().inverse());
    look(x, y);
  });

  // Laid over: slider, blink, fade.
  const drawMix = () => {
    const share = +mix.value / 100, view = stage.dataset.mode;
    const x = view === "slider" ? left + (right - left) * share : frameX + frameWidth;
    clip.setAttribute("width", Math.max(0, x - frameX));
    grip.setAttribute("transform", `translate(${x} 0)`);
    grip.setAttribute("visibility", view === "slider" ? "visible" : "hidden");
    laid.setAttribute("opacity", view === "fade" ? share : 1);
  };
  const blink = () => laid.setAttribute("opacity", laid.getAttribute("opacity") === "1" ? 0 : 1);
  const show = view => {
    stage.dataset.mode = view;
    clearInterval(timer);
    $$("[data-view]").forEach(button => button.setAttribute("aria-pressed", button.dataset.view === view));
    mixer.hidden = view === "side" || view === "blink";
    $("[data-toggle=flip]").disabled = view !== "side";
    const name = $("[data-mix-name]");
    name.textContent = view === "fade" ? name.dataset.fade : name.dataset.slider;
    drawMix();
    if (view === "blink" && !isStill) timer = setInterval(blink, BLINK_MILLISECONDS);
  };
  $$("[data-view]").forEach(button => button.addEventListener("click", event => { event.preventDefault(); show(button.dataset.view); remember({ view: button.dataset.view }); }));
  const move = value => { mix.value = value; drawMix(); };
  mix.addEventListener("input", drawMix);
  mix.addEventListener("change", () => remember({ mix: mix.value }));
  const drag = event => {
    const { x } = new DOMPoint(event.clientX, event.clientY).matrixTransform(over.getScreenCTM().inverse());
    move(Math.round(Math.min(1, Math.max(0, (x - left) / (right - left))) * 100));
  };
  over.addEventListener("pointerdown", event => {
    if (stage.dataset.mode !== "slider") { rememberPlace(); return; }
    over.setPointerCapture(event.pointerId);
    drag(event);
    over.addEventListener("pointermove", drag);
    over.addEventListener("pointerup", () => { over.removeEventListener("pointermove", drag); remember({ mix: mix.value }); }, { once: true });
  });

  const toggles = {
    flip: () => { isFlipped = !isFlipped; drawPoints(); look(...place); return isFlipped; },
    points: () => !stage.classList.toggle("nopts"),
    crop: () => !stage.classList.toggle("noline"),
    removed: () => !stage.classList.toggle("noaway"),
    changes: () => !stage.classList.toggle("nochanges"),
    loupe: () => { const loupes = $("#loupes"); loupes.hidden = !loupes.hidden; return !loupes.hidden; },
  };
  const usual = { flip: false, points: true, crop: true, removed: true, changes: true, loupe: true };
  const toggle = name => { const isOn = toggles[name](); $(`[data-toggle=${name}]`).setAttribute("aria-pressed", isOn); return isOn; };
  $$("[data-toggle]").forEach(button => button.addEventListener("click", () => {
    const name = button.dataset.toggle, isOn = toggle(name);
    remember({ [name]: isOn === usual[name] ? null : +isOn });
  }));

  // They are links where no script runs; as buttons they are pressed by the space bar too.
  $$("[data-view]").forEach(link => link.addEventListener("keydown", event => { if (event.key === " ") { event.preventDefault(); event.stopPropagation(); link.click(); } }));
  const LOUPE_STEP = 6, directions = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  document.addEventListener("keydown", event => {
    if (isTyping(event) || event.ctrlKey || event.metaKey || event.altKey || $("#keys").open) return;
    if (event.shiftKey && directions[event.key]) {
      const [x, y] = directions[event.key];
      look(place[0] + x * LOUPE_STEP, place[1] + y * LOUPE_STEP);
      rememberPlace();
      event.preventDefault();
      return;
    }
    const view = stage.dataset.mode, isMixed = view === "slider" || view === "fade";
    if (event.key === " " && view === "blink" && !/^(BUTTON|A|SUMMARY)$/.test(event.target.tagName)) { clearInterval(timer); blink(); event.preventDefault(); }
    if (isMixed && event.target !== mix && (event.key === "ArrowLeft" || event.key === "ArrowRight")) {
      move(+mix.value + (event.key === "ArrowLeft" ? -2 : 2));
      remember({ mix: mix.value });
      event.preventDefault();
    }
  });

  // As the address says; on a narrow page the slider comes first.
  if (address.has("mix")) mix.value = address.get("mix");
  for (const name of Object.keys(usual)) if (address.has(name) && (address.get(name) === "1") !== usual[name]) toggle(name);
  const at = (address.get("at") || "").split(",").map(Number);
  look(...(at.length === 2 && at.every(Number.isFinite) ? at : points.length ? points[Math.floor(points.length / 2)].slice(2) : place));
  show(address.get("view") ? stage.dataset.mode : matchMedia("(max-width: 820px)").matches ? "slider" : "side");
});
