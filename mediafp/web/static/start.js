// The start page: a file that is dropped, chosen or pasted is sent to be asked about; several are offered to the case.
(() => {
  const { $, $$, say, isTyping } = window.workbench;
  const zone = $("[data-zone]"), texts = zone.dataset, input = $("#file");
  const progress = $("[data-zone-progress]"), several = $("[data-zone-several]"), choice = $("[data-zone-choice]");
  const resting = $("[data-zone-says]").textContent;
  const HASH = /^((pdq|phash|dhash|sha256):[0-9a-f]+|[0-9a-f]{64})$/i;
  let waiting = [], isBusy = false;

  const fill = (text, parts) => text.replace(/\{(\w+)\}/g, (whole, name) => parts[name] ?? whole);
  const tell = (text, isLoud = true) => { $("[data-zone-says]").textContent = text; if (isLoud) say(text); };
  const show = (element, isShown) => { element.hidden = !isShown; };
  const rest = text => {
    isBusy = false;
    waiting = [];
    zone.removeAttribute("aria-busy");
    document.body.classList.remove("dropping");
    show(progress, false);
    show(several, false);
    show(choice, true);
    input.value = "";
    tell(text ?? resting, Boolean(text));
  };

  // The bytes of the file are the body: nothing is copied on the way, and a refusal is an object with its reason.
  const send = (address, file, onProgress) => new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", `${address}?name=${encodeURIComponent((file.name || "pasted").slice(-200))}`);
    request.setRequestHeader("Content-Type", "application/octet-stream");
    request.upload.onprogress = event => { if (event.lengthComputable) onProgress(event.loaded / event.total); };
    request.onerror = () => reject(new Error(texts.offline));
    request.onload = () => {
      let answer = {};
      try { answer = JSON.parse(request.responseText); } catch { /* a refusal of the guard is plain text */ }
      request.status < 300 ? resolve(answer) : reject(new Error(answer.error || request.responseText.slice(0, 300)));
    };
    request.send(file);
  });

  const begin = () => {
    isBusy = true;
    document.body.classList.remove("dropping");
    zone.setAttribute("aria-busy", "true");
    show(several, false);
    show(choice, false);
    show(progress, true);
  };

  const ask = async file => {
    if (isBusy) return;
    begin();
    tell(fill(texts.reading, { name: file.name }));
    try {
      const { sha256 } = await send("/api/ask", file, share => {
        progress.value = 100 * share;
        if (share < 1) tell(fill(texts.sending, { name: file.name, percent: `${Math.floor(100 * share)} %` }), false);
        else tell(fill(texts.reading, { name: file.name }), false);
      });
      location.href = `/answer/${sha256}`;
    } catch (error) {
      rest(error.message);
    }
  };

  const addAll = async files => {
    if (isBusy) return;
    begin();
    const kept = [], names = [], refused = [];
    for (const [i, file] of files.entries()) {
      tell(fill(texts.adding, { i: i + 1, n: files.length, name: file.name }), i === 0);
      try {
        const { sha256 } = await send("/api/add", file, share => { progress.value = 100 * (i + share) / files.length; });
        kept.push(sha256);
        names.push(file.name.slice(0, 200));
      } catch (error) {
        refused.push(error.message);
        if (error.message === texts.offline) break;
      }
    }
    const note = refused.length ? fill(texts.refused, { n: refused.length, reasons: refused.slice(0, 3).join("; ") }) : "";
    if (!kept.length) { rest(note); return; }
    try {
      const answer = await fetch("/api/jobs", {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify({ kind: "received", files: kept, names }),
      });
      if (!answer.ok) throw new Error((await answer.json()).error);
    } catch (error) {
      rest(error instanceof TypeError ? texts.offline : error.message);
      return;
    }
    if (note) { rest(note); window.htmx?.ajax("GET", "/jobs/now", { target: "#jobs-now", swap: "outerHTML" }); }
    else location.href = "/jobs";
  };

  const take = files => {
    document.body.classList.remove("dropping");
    if (!files.length || isBusy) return;
    if (document.body.dataset.readOnly) { tell(document.body.dataset.readOnly); return; }
    if (files.length === 1) { ask(files[0]); return; }
    waiting = [...files];
    show(choice, false);
    show(several, true);
    tell(fill(texts.several, { n: files.length }));
    $("[data-add-all]").focus();
  };

  $("[data-add-all]").addEventListener("click", () => addAll(waiting));
  $("[data-ask-first]").addEventListener("click", () => ask(waiting[0]));
  $("[data-zone-reset]").addEventListener("click", () => { rest(); input.focus(); });
  zone.addEventListener("submit", event => { event.preventDefault(); take(input.files); });
  input.addEventListener("change", () => take(input.files));
  // Without a script the field and its button stay as they are.
  input.multiple = true;
  input.classList.add("hide");
  $$("[data-zone-plain]", zone).forEach(element => show(element, false));
  show($("[data-zone-choose]"), true);

  let depth = 0;
  const hasFiles = event => [...(event.dataTransfer?.types ?? [])].includes("Files");
  document.addEventListener("dragenter", event => {
    if (!hasFiles(event) || isBusy) return;
    event.preventDefault();
    depth += 1;
    document.body.classList.add("dropping");
    if (!waiting.length) tell(texts.dropping, depth === 1);
  });
  document.addEventListener("dragleave", () => {
    depth = Math.max(0, depth - 1);
    if (!depth && document.body.classList.contains("dropping")) {
      document.body.classList.remove("dropping");
      if (!waiting.length) tell(resting, false);
    }
  });
  document.addEventListener("dragover", event => { if (hasFiles(event)) event.preventDefault(); });
  document.addEventListener("drop", event => {
    depth = 0;
    if (!hasFiles(event)) return;
    event.preventDefault();
    take(event.dataTransfer.files);
  });
  document.addEventListener("paste", event => {
    if (isTyping(event) && event.target.type !== "file") return;
    const files = event.clipboardData.files;
    if (files.length) { event.preventDefault(); take(files); return; }
    const words = event.clipboardData.getData("text").trim();
    if (HASH.test(words)) { location.href = `/hash?h=${encodeURIComponent(words)}`; return; }
    if (words) location.href = `/search?q=${encodeURIComponent(words.slice(0, 400))}`;
  });
  // Back from an answer: the browser may show the page as it was left, busy.
  window.addEventListener("pageshow", event => { if (event.persisted) rest(); });
})();
