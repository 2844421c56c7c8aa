"""How a mask panel looks, and what moves in it; see ``mask_panel``."""

PANEL_CSS = """
.mask-panel { --opacity: 0.55; }
.mask-stage { position: relative; line-height: 0; border-radius: 6px; overflow: hidden; }
.mask-stage img { width: 100%; height: auto; max-height: none; margin: 0; image-rendering: auto; }
.mask-stage svg { position: absolute; inset: 0; width: 100%; height: 100%; }
.mask-stage .fill { fill: var(--mask); fill-opacity: var(--opacity); }
.mask-stage .edge { fill: none; stroke: #fff; stroke-width: 1.5px; vector-effect: non-scaling-stroke; }
.mask-panel.outline .fill { fill-opacity: 0; }
.mask-panel.outline .edge { stroke: var(--mask); stroke-width: 3px; }
.mask-stage text { fill: #fff; stroke: #111; stroke-width: 0.22em; paint-order: stroke; stroke-linejoin: round;
  font-weight: 600; text-anchor: middle; pointer-events: none; font-family: system-ui, sans-serif; }
.mask-panel.unnamed text { display: none; }
.mask-stage g:hover .fill { fill-opacity: calc(var(--opacity) + 0.2); }
.mask-stage .off { visibility: hidden; }
.mask-tools { display: flex; flex-wrap: wrap; gap: 0.3rem 1rem; align-items: center; margin-bottom: 0.4rem;
  font-size: 0.9em; }
.mask-tools label { display: flex; gap: 0.35rem; align-items: center; min-height: 1.9em; }
.mask-tools input[type=range] { width: 7rem; accent-color: #1f77d2; }
.mask-tools input[type=checkbox] { width: 1.1em; height: 1.1em; accent-color: #1f77d2; }
.mask-panel.mask-panel .mask-say { min-height: 1.5em; margin: 0.3rem 0; font-variant-numeric: tabular-nums; }
.mask-legend { display: flex; flex-wrap: wrap; gap: 0.35rem; }
.mask-legend button, .mask-tools button { display: inline-flex; gap: 0.4rem; align-items: center; padding: 0.25rem 0.6rem;
  border: 1px solid var(--border-color-primary); border-radius: 1rem; background: var(--background-fill-secondary);
  color: var(--body-text-color); min-height: 2em; }
.mask-panel.mask-panel :is(button, p, label) { margin: 0; font-size: 0.95rem; font-weight: 500; box-shadow: none; }
.mask-panel input[type=checkbox] { border: 1px solid #7c828d; }
.mask-legend i { width: 0.85em; height: 0.85em; border-radius: 3px; flex: none; }
.mask-legend button[aria-pressed=true] { border-color: #1f77d2; background: #1f77d226; outline: 1px solid #1f77d2; }
.mask-tools button:disabled { opacity: 0.5; }
.mask-panel button:hover:not(:disabled) { border-color: #1f77d2; }
.mask-panel :is(button, input):focus-visible { outline: 3px solid #1f77d2; outline-offset: 1px; }
.for-scripts { position: absolute !important; width: 1px !important; height: 1px !important; overflow: hidden !important;
  clip-path: inset(50%); min-width: 0 !important; border: 0 !important; padding: 0 !important; }
"""

PANEL_KEYS = """
() => {
  if (window.tagalignPanels) return;
  window.tagalignPanels = true;
  const panelOf = (node) => node.closest && node.closest(".mask-panel");
  const say = (event) => {
    const panel = panelOf(event.target), told = event.target.closest && event.target.closest("[data-say]");
    if (panel && told) panel.querySelector(".mask-say").textContent = told.dataset.say;
  };
  document.addEventListener("mouseover", say);
  document.addEventListener("focusin", say);
  const isolate = (panel, label) => {
    const only = panel.dataset.only === label ? undefined : label;
    if (only === undefined) delete panel.dataset.only; else panel.dataset.only = only;
    for (const node of panel.querySelectorAll("svg [data-label]"))
      node.classList.toggle("off", only !== undefined && node.dataset.label !== only);
    for (const node of panel.querySelectorAll(".mask-legend button"))
      node.setAttribute("aria-pressed", String(node.dataset.label === only));
    const heat = panel.querySelector("[data-panel=heat]");
    if (heat) heat.disabled = only === undefined;
  };
  const askHeat = (label) => {
    const field = document.querySelector("#heat-asked textarea, #heat-asked input");
    if (!field) return;
    const kind = field.tagName === "TEXTAREA" ? HTMLTextAreaElement : HTMLInputElement;
    Object.getOwnPropertyDescriptor(kind.prototype, "value").set.call(field, label);
    field.dispatchEvent(new Event("input", { bubbles: true }));
    const go = document.getElementById("heat-asked-go");
    setTimeout(() => (go.matches("button") ? go : go.querySelector("button")).click(), 60);
  };
  document.addEventListener("click", (event) => {
    const panel = panelOf(event.target);
    if (!panel) return;
    const entry = event.target.closest("[data-label]");
    if (entry) isolate(panel, entry.dataset.label);
    else if (event.target.closest("[data-panel=heat]")) askHeat(panel.dataset.only);
  });
  document.addEventListener("input", (event) => {
    const panel = panelOf(event.target), what = event.target.dataset.panel;
    if (!panel || !what) return;
    state[what] = what === "opacity" ? Number(event.target.value) : event.target.checked;
    document.querySelectorAll(".mask-panel").forEach(dress);
  });
  // a new answer looks as the last one was made to look
  const state = { opacity: 55, outline: false, names: true };
  const dress = (panel) => {
    panel.dataset.dressed = JSON.stringify(state);
    panel.style.setProperty("--opacity", state.opacity / 100);
    panel.classList.toggle("outline", state.outline);
    panel.classList.toggle("unnamed", !state.names);
    for (const input of panel.querySelectorAll("input[data-panel]"))
      if (input.type === "range") input.value = state.opacity; else input.checked = state[input.dataset.panel];
  };
  new MutationObserver((changes) => {
    const found = new Set();
    for (const change of changes) {
      if (panelOf(change.target)) found.add(panelOf(change.target));
      for (const node of change.addedNodes)
        if (node.matches) [node, ...node.querySelectorAll(".mask-panel")].forEach((one) => found.add(one));
    }
    for (const one of found)
      if (one.matches(".mask-panel") && one.dataset.dressed !== JSON.stringify(state)) dress(one);
  // gradio takes over the attributes of a new answer, and with them the mark away
  }).observe(document.body, { childList: true, subtree: true, attributes: true, attributeFilter: ["data-dressed"] });
  for (const node of document.querySelectorAll(".for-scripts :is(input, textarea, button), button.for-scripts"))
    node.tabIndex = -1;
}
"""
