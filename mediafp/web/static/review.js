// Reasons of a decision: a key writes one into the field, w goes to the field, Enter goes back to the keys.
document.addEventListener("DOMContentLoaded", () => {
  const { $, $$, isTyping } = window.workbench;
  const field = $("[data-why]");
  if (!field) return;
  $$("[data-reason]").forEach(button => button.addEventListener("click", () => { field.value = button.dataset.reason; }));
  field.addEventListener("keydown", event => {
    if (event.key !== "Enter" && event.key !== "Escape") return;
    event.preventDefault();
    field.blur();
  });
  document.addEventListener("keydown", event => {
    if (event.key !== "w" || isTyping(event) || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    field.focus();
  });
});
