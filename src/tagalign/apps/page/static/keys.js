// Keys of the review, and names for buttons that gradio leaves without one.
() => {
  if (window.tagalignKeys) return;
  window.tagalignKeys = true;
  const name = () => document.querySelectorAll(".gallery > .gallery-item:not([aria-label])").forEach((one) =>
    one.setAttribute("aria-label", "EXAMPLE".replace("{number}", 1 + [...one.parentNode.children].indexOf(one))));
  new MutationObserver(name).observe(document.body, { childList: true, subtree: true });
  name();
  document.addEventListener("keydown", (event) => {
    const writing = event.target.closest("input:not([type=checkbox]):not([type=radio]), textarea, [contenteditable]");
    if (writing || event.ctrlKey || event.metaKey || event.altKey) return;
    const id = { a: "review-accept", s: "review-skip", b: "review-back", z: "review-undo" }[event.key];
    const found = id && document.getElementById(id);
    const button = found && (found.matches("button") ? found : found.querySelector("button"));
    if (button && button.offsetParent) { event.preventDefault(); button.click(); }
  });
}
