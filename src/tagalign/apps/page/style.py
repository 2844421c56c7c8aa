"""How the page looks beyond gradio's own theme, and its keys."""

CSS = """
.gradio-container { max-width: 1180px !important; margin: 0 auto !important; }
#tiny-notice { border-left: 4px solid #e6550d; padding: 0.4rem 0.8rem; border-radius: 4px;
  background: var(--background-fill-secondary); }
#look-photo img, #compare-photo img { width: 100%; height: 100%; object-fit: contain; }
.ask { align-items: flex-end; }
input[type=checkbox] { border: 1px solid #7c828d !important; }
.status { min-height: 1.6em; opacity: 0.85; font-variant-numeric: tabular-nums; }
.tags { display: grid; grid-template-columns: max-content 1fr max-content; gap: 0.25rem 0.7rem; align-items: center; }
.tags .bar { background: var(--background-fill-secondary); border-radius: 3px; overflow: hidden; height: 0.8em; }
.tags .bar i { display: block; height: 100%; background: #1f77d2; }
.tags .off { opacity: 0.6; }
.tags .off .bar i { background: var(--border-color-primary); }
.tags b, .tags span { overflow-wrap: anywhere; }
.scale { display: flex; align-items: center; gap: 0.5rem; font-size: 0.85em; opacity: 0.85; }
.scale i { flex: 0 0 8rem; height: 0.7em; border-radius: 3px;
  background: linear-gradient(90deg, #140b34, #57106e, #9c2366, #d44842, #f57d15, #fac127, #fcffa4); }
.label-note { font-size: 0.85em; opacity: 0.85; min-height: 1.4em; overflow-wrap: anywhere; }
.label-note ul { margin: 0.2rem 0 0; padding-left: 1.1rem; }
.refusal { color: #b3261e; font-weight: 600; }
.dark .refusal { color: #ffb4a8; }
.method-card { font-size: 0.9em; border: 1px solid var(--border-color-primary); border-radius: 8px; padding: 0.6rem 0.8rem; }
.method-card p { margin: 0 0 0.4rem; font-weight: 600; }
.method-card dl { display: grid; grid-template-columns: max-content 1fr; gap: 0.15rem 0.7rem; margin: 0; }
.method-card dt { opacity: 0.7; }
.method-card dd { margin: 0; overflow-wrap: anywhere; }
button.legend-item:focus-visible, button:focus-visible { outline: 3px solid #1f77d2; outline-offset: 1px; }
@media (max-width: 640px) {
  .gradio-container { padding: 0.5rem !important; }
  .tags { grid-template-columns: minmax(5rem, 40%) 1fr max-content; }
}
"""

KEYS = """
() => {
  if (window.tagalignKeys) return;
  window.tagalignKeys = true;
  document.addEventListener("keydown", (event) => {
    const writing = event.target.closest("input:not([type=checkbox]):not([type=radio]), textarea, [contenteditable]");
    if (writing || event.ctrlKey || event.metaKey || event.altKey) return;
    const id = { a: "review-accept", s: "review-skip", b: "review-back", z: "review-undo" }[event.key];
    const found = id && document.getElementById(id);
    const button = found && (found.matches("button") ? found : found.querySelector("button"));
    if (button && button.offsetParent) { event.preventDefault(); button.click(); }
  });
}
"""
