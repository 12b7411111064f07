// A box that is covered in an image of a draft: dragged, or given as numbers.
document.addEventListener("DOMContentLoaded", () => {
  const { $, $$ } = window.workbench;
  $$("[data-cover]").forEach(figure => {
    const width = +figure.dataset.w, height = +figure.dataset.h, mat = $("[data-cover-box]", figure), image = $("img", mat);
    const fields = $$("[data-cover-n]", figure), mark = document.createElement("span");
    mark.className = "covermark";
    mark.hidden = true;
    mat.append(mark);
    let from = null;
    const at = event => {
      const shown = image.getBoundingClientRect(), clamp = (value, most) => Math.round(Math.min(most, Math.max(0, value)));
      return [clamp((event.clientX - shown.left) / shown.width * width, width), clamp((event.clientY - shown.top) / shown.height * height, height)];
    };
    const draw = () => {
      const [x, y, w, h] = fields.map(field => +field.value || 0);
      mark.hidden = !w || !h;
      const shown = image.getBoundingClientRect(), outer = mat.getBoundingClientRect(), scale = shown.width / width;
      mark.style.left = `${shown.left - outer.left + x * scale}px`;
      mark.style.top = `${shown.top - outer.top + y * scale}px`;
      mark.style.width = `${w * scale}px`;
      mark.style.height = `${h * scale}px`;
    };
    mat.addEventListener("pointerdown", event => { from = at(event); mat.setPointerCapture(event.pointerId); event.preventDefault(); });
    mat.addEventListener("pointermove", event => {
      if (!from) return;
      const to = at(event);
      [Math.min(from[0], to[0]), Math.min(from[1], to[1]), Math.abs(from[0] - to[0]), Math.abs(from[1] - to[1])].forEach((value, n) => { fields[n].value = value; });
      draw();
    });
    mat.addEventListener("pointerup", () => { from = null; });
    fields.forEach(field => field.addEventListener("input", draw));
  });
});
