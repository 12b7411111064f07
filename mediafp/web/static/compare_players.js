// Two players on one clock. The clock is that of the query; the stretch under it says which second of the reference is shown.
document.addEventListener("DOMContentLoaded", () => {
  const { $, $$, remember, isTyping, say } = window.workbench;
  const root = $("#players");
  if (!root) return;
  const stretches = JSON.parse(root.dataset.stretches), [queryEnd, referenceEnd] = JSON.parse(root.dataset.durations);
  const address = new URL(location.href).searchParams, number = name => Number.isFinite(parseFloat(address.get(name))) ? parseFloat(address.get(name)) : null;
  const clock = seconds => `${Math.floor(seconds / 60)}:${(Math.floor(seconds * 100) / 100 % 60).toFixed(2).padStart(5, "0")}`;
  const FRAME_SECONDS = 0.04, MAX_DRIFT_SECONDS = 0.06, POLL_MILLISECONDS = 700, FRAMES_KEPT = 60;

  // One side: a small copy that plays, or frames that are fetched one by one.
  class Player {
    constructor(element, end) {
      Object.assign(this, { element, end, sha256: element.dataset.sha256, image: $("img", element), says: $("[data-player-says]", element), video: null, time: 0, frames: new Map(), wanted: null });
      this.prepare(element.dataset.state);
    }
    async prepare(state) {
      if (state === "ready") { this.play(); return; }
      this.says.textContent = this.says.dataset.waiting;
      let answer = { state };
      if (state === "none") {
        const form = new URLSearchParams({ page_token: document.body.dataset.pageToken });
        answer = await fetch(`/media/${this.sha256}/preview`, { method: "POST", body: form }).then(response => response.ok ? response.json() : { state: "failed", reason: String(response.status) }, () => ({ state: "failed", reason: "" }));
      }
      while (answer.state === "waiting") {
        await new Promise(resolve => setTimeout(resolve, POLL_MILLISECONDS));
        answer = await fetch(`/media/${this.sha256}/preview.json`).then(response => response.json(), () => ({ state: "failed", reason: "" }));
      }
      if (answer.state === "ready") { this.play(); return; }
      this.reason = (answer.reason || this.says.textContent);
      this.says.textContent = this.says.dataset.failed.replace("%(reason)s", answer.reason || "?");
    }
    play() {
      const video = document.createElement("video");
      Object.assign(video, { preload: "auto", playsInline: true, muted: true, src: `/media/${this.sha256}/preview` });
      if (this.image) video.setAttribute("aria-label", this.image.alt);
      video.addEventListener("loadeddata", () => {
        this.video = video;
        video.currentTime = this.time;
        video.hidden = !this.image;
        this.image ? this.image.replaceWith(video) : $(".mat", this.element).append(video);
        this.says.textContent = "";
        this.element.dataset.state = "playing";
        hear(heard);
        render();
      }, { once: true });
    }
    get shown() { return this.video ? this.video.currentTime : this.time; }
    seek(seconds) {
      this.time = Math.max(0, Math.min(this.end || seconds, seconds));
      if (this.video) { if (Math.abs(this.video.currentTime - this.time) > 0.001) this.video.currentTime = this.time; }
      else if (this.image) this.fetchFrame();
      this.write();
    }
    write() { $("[data-time]", this.element).textContent = clock(this.shown); }
    // The latest wish alone is fetched next: a player that is moved fast asks for no second in between.
    async fetchFrame() {
      this.wanted = (Math.round(this.time / FRAME_SECONDS) * FRAME_SECONDS).toFixed(3);
      if (this.isFetching) return;
      this.isFetching = true;
      while (this.wanted !== null) {
        const wanted = this.wanted;
        this.wanted = null;
        try {
          if (!this.frames.has(wanted)) {
            const response = await fetch(`/media/${this.sha256}/frame?t=${wanted}`);
            if (!response.ok) throw new Error(response.status);
            this.frames.set(wanted, { url: URL.createObjectURL(await response.blob()), isExact: response.headers.get("x-frame-exact") === "1", time: response.headers.get("x-frame-time") });
            if (this.frames.size > FRAMES_KEPT) { const [oldest] = this.frames.keys(); URL.revokeObjectURL(this.frames.get(oldest).url); this.frames.delete(oldest); }
          }
          const frame = this.frames.get(wanted);
          this.image.src = frame.url;
          if (!frame.isExact) this.says.textContent = this.says.dataset.kept.replace("%(time)s", clock(+frame.time));
        } catch { /* the frame before stays */ }
      }
      this.isFetching = false;
    }
  }

  let query, reference, t = +root.dataset.start, free = 0, isLinked = true, nudge = 0, faster = 0, isPlaying = false, last = 0, heard = "query", isFlipped = false;
  const at = (second = t) => stretches.find(one => second >= one.query[0] - 1e-6 && second < one.query[1]) || null;
  const speedOf = one => (one.reference[1] - one.reference[0]) / Math.max(1e-6, one.query[1] - one.query[0]);
  // The second of the reference that belongs to the second of the query; null between stretches.
  const other = one => {
    if (!one) return null;
    const passed = (t - one.query[0]) * speedOf(one) * (1 + faster);
    return (one.reversed ? one.reference[1] - passed : one.reference[0] + passed) + nudge;
  };
  const moveHead = (side, seconds) => {
    const drawing = $("#times"), line = drawing && $(`[data-head=${side}]`, drawing);
    if (!line) return;
    const x = +drawing.dataset.left + seconds * +drawing.dataset.scale;
    line.setAttribute("x1", x); line.setAttribute("x2", x);
  };
  const describe = one => {
    const rel = $("#rel"), signed = value => `${value < 0 ? "−" : "+"}${Math.abs(value).toFixed(1)}`;
    if (!isLinked) { rel.textContent = rel.dataset.unlinked; return; }
    if (!one) { rel.textContent = rel.dataset.none; return; }
    const parts = [rel.dataset.linked.replace("%(offset)s", signed(other(one) - t)).replace("%(speed)s", (speedOf(one) * (1 + faster)).toFixed(2))];
    if (one.mirrored) parts.push(rel.dataset.mirrored);
    if (one.reversed) parts.push(rel.dataset.reversed);
    rel.textContent = parts.join(" · ");
  };
  const render = () => {
    const one = at(), target = other(one);
    query.write(); reference.write();
    $("#scrub").value = t;
    moveHead("query", t); moveHead("reference", reference.shown);
    describe(one);
    root.dataset.second = t; root.dataset.target = target === null ? "" : target;
    $$("[data-stretch]").forEach((row, index) => row.setAttribute("aria-selected", stretches[index] === one));
    $(".mat", reference.element).classList.toggle("flipped", isFlipped);
    root.dispatchEvent(new CustomEvent("playhead", { detail: { query: t, reference: reference.shown } }));
  };
  const follow = () => { const target = other(at()); if (isLinked && target !== null) { free = target; reference.seek(target); } else reference.seek(free); };
  const go = seconds => {
    t = Math.max(0, Math.min(queryEnd || seconds, seconds));
    if (!isLinked) free = reference.shown;
    query.seek(t); follow(); render(); keepSoon();
  };
  const unlink = () => { isLinked = false; $("[data-link]").setAttribute("aria-pressed", "false"); };
  // To a second of the reference: by the stretch that shows it, or else the reference goes there alone.
  const goReference = seconds => {
    for (const one of isLinked ? stretches : []) {
      const passed = (one.reversed ? one.reference[1] - seconds + nudge : seconds - nudge - one.reference[0]) / (speedOf(one) * (1 + faster));
      const wanted = one.query[0] + passed;
      // Where stretches overlap, the players follow the first of them.
      if (wanted >= one.query[0] && wanted < one.query[1] && at(wanted) === one) { go(wanted); return; }
    }
    unlink();
    free = seconds; reference.seek(seconds); render(); keepSoon();
  };
  // Browsers limit how often an address may change.
  let keeping = 0;
  const keep = () => {
    // The tab of pictures shows the frames of this moment.
    $$(".tabs a").forEach(tab => { const address = new URL(tab.href); if (address.searchParams.get("as") === "picture") { address.searchParams.set("t", t.toFixed(2)); tab.href = address.pathname + address.search; } });
    remember({ t: t.toFixed(2), offset: nudge ? nudge.toFixed(1) : null, speed: faster ? faster.toFixed(2) : null, link: isLinked ? null : 0, r: isLinked ? null : free.toFixed(2), flip: isFlipped ? 1 : null, hear: heard === "query" ? null : heard });
  };
  const keepSoon = () => { clearTimeout(keeping); keeping = setTimeout(keep, 250); };

  // While it runs: the query's own clock leads, the reference runs at the speed of the stretch and is set right when it drifts.
  const setRunning = wanted => {
    isPlaying = wanted;
    const button = $("#play");
    $("span", button).textContent = wanted ? button.dataset.pause : button.dataset.play;
    if (wanted) { if (queryEnd && t >= queryEnd - FRAME_SECONDS) go(0); hear(heard); context?.resume(); last = performance.now(); query.video?.play().catch(() => {}); requestAnimationFrame(tick); }
    else { query.video?.pause(); reference.video?.pause(); go(query.video ? query.video.currentTime : t); keep(); }
  };
  const runReference = one => {
    const target = isLinked ? other(one) : null, video = reference.video;
    if (!isLinked) { if (video?.paused && !video.ended) video.play().catch(() => {}); if (!video) { free += step; reference.seek(free); } return; }
    if (target === null) { video?.pause(); return; }
    free = target;
    if (!video || one.reversed) { video?.pause(); reference.seek(target); return; }
    video.playbackRate = Math.min(16, Math.max(0.0625, speedOf(one) * (1 + faster)));
    if (Math.abs(video.currentTime - target) > MAX_DRIFT_SECONDS && !video.seeking) video.currentTime = target;
    if (video.paused) video.play().catch(() => {});
  };
  let step = 0;
  const tick = now => {
    if (!isPlaying) return;
    step = (now - last) / 1000; last = now;
    if (query.video) t = query.video.currentTime; else { t += step; query.seek(t); }
    if (query.video?.ended || (queryEnd && t >= queryEnd)) { setRunning(false); return; }
    runReference(at());
    render();
    requestAnimationFrame(tick);
  };

  // Sound: one of the two, or the query on the left and the reference on the right.
  let context = null;
  const panners = new Map();
  const pan = (player, side) => {
    if (!player.video) return;
    context ??= new AudioContext();
    if (!panners.has(player)) { const panner = new StereoPannerNode(context); context.createMediaElementSource(player.video).connect(panner).connect(context.destination); panners.set(player, panner); }
    panners.get(player).pan.value = side;
  };
  const hear = wanted => {
    heard = wanted;
    if (query.video) query.video.muted = wanted === "reference";
    if (reference.video) reference.video.muted = wanted === "query";
    // Browsers start no sound before somebody has done something on the page.
    if ((wanted === "both" || panners.size) && navigator.userActivation.hasBeenActive) { pan(query, wanted === "both" ? -1 : 0); pan(reference, wanted === "both" ? 1 : 0); }
    $$("[data-hear]").forEach(button => button.setAttribute("aria-pressed", button.dataset.hear === wanted));
  };

  if (["query", "reference", "both"].includes(address.get("hear"))) heard = address.get("hear");
  nudge = number("offset") ?? 0; faster = number("speed") ?? 0; isLinked = address.get("link") !== "0"; isFlipped = address.get("flip") === "1";
  if (number("r") !== null) { free = number("r"); isLinked = false; }
  query = new Player($("[data-player=query]"), queryEnd);
  reference = new Player($("[data-player=reference]"), referenceEnd);
  $("[data-link]").setAttribute("aria-pressed", isLinked);
  $("[data-flip]").setAttribute("aria-pressed", isFlipped);
  hear(heard);
  query.seek(t); follow(); render();

  $("#play").addEventListener("click", () => setRunning(!isPlaying));
  $("#scrub").addEventListener("input", event => go(+event.target.value));
  $$("[data-step]").forEach(button => button.addEventListener("click", () => go(t + +button.dataset.step)));
  $$("[data-go]").forEach(element => element.addEventListener("click", event => { event.preventDefault(); go(+element.dataset.go); }));
  $$("[data-nudge]").forEach(button => button.addEventListener("click", () => { nudge = +button.dataset.nudge ? Math.round((nudge + +button.dataset.nudge) * 10) / 10 : 0; go(t); say($("#rel").textContent); }));
  $$("[data-faster]").forEach(button => button.addEventListener("click", () => { faster = +button.dataset.faster ? Math.round((faster + +button.dataset.faster) * 100) / 100 : 0; go(t); say($("#rel").textContent); }));
  $$("[data-hear]").forEach(button => button.addEventListener("click", () => { hear(button.dataset.hear); keepSoon(); }));
  $("[data-link]").addEventListener("click", event => { isLinked = !isLinked; free = reference.shown; event.currentTarget.setAttribute("aria-pressed", isLinked); go(t); });
  $("[data-flip]").addEventListener("click", event => { isFlipped = !isFlipped; event.currentTarget.setAttribute("aria-pressed", isFlipped); render(); keepSoon(); });
  root.addEventListener("seek", event => (event.detail.side === "query" ? go : goReference)(event.detail.seconds));
  document.addEventListener("keydown", event => {
    if (isTyping(event) || event.ctrlKey || event.metaKey || event.altKey || $("#keys").open) return;
    const isOnControl = /^(BUTTON|A|SUMMARY)$/.test(event.target.tagName);
    if (event.key === " " && !isOnControl) { setRunning(!isPlaying); event.preventDefault(); }
    if ((event.key === "ArrowLeft" || event.key === "ArrowRight") && event.target.id !== "scrub") { go(t + (event.key === "ArrowLeft" ? -1 : 1)); event.preventDefault(); }
    if (event.key === "[" || event.key === "]") {
      const starts = [...new Set(stretches.map(one => one.query[0]))].sort((a, b) => a - b);
      const next = event.key === "]" ? starts.find(start => start > t + 0.02) : starts.filter(start => start < t - 0.3).pop();
      if (next !== undefined) go(next);
    }
  });
});
