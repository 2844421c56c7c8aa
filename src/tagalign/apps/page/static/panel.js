// What moves in a mask panel: pointing, choosing, fading, smoothing, zooming, a heat map. Texts come with the panel.
() => {
  if (window.tagalignPanels) return;
  window.tagalignPanels = true;
  // a new answer looks as the last one was made to look
  const state = { opacity: 55, least: 0, outline: false, smooth: false, names: true };
  const zooms = new WeakMap(); // of each panel: how much larger, and where its corner lies
  const near = (node, selector) => (node.closest ? node.closest(selector) : null);
  const panelOf = (node) => near(node, ".mask-panel");
  const all = (node, selector) => [...node.querySelectorAll(selector)];
  const say = (panel, text) => { const line = panel.querySelector(".mask-say"); if (line) line.textContent = text; };

  // --- pointing and choosing: the pointer and the keyboard do the same ---
  const light = (panel, masks, text) => {
    const drawing = panel.querySelector("svg");
    for (const one of all(panel, "g.lit")) one.classList.remove("lit");
    const visible = masks.filter((one) => !one.matches(".off, .weak")); // what is hidden must not dim the rest
    for (const one of visible) one.classList.add("lit");
    drawing?.classList.toggle("pointed", visible.length > 0);
    if (text !== undefined) say(panel, text);
  };
  const point = (event) => {
    const panel = panelOf(event.target), told = near(event.target, "[data-say]");
    if (!panel) return;
    if (!told) return light(panel, []);
    const entry = told.matches("button");
    light(panel, entry ? all(panel, "svg g").filter((one) => one.dataset.label === told.dataset.label) : [], told.dataset.say);
  };
  document.addEventListener("mouseover", point);
  document.addEventListener("focusin", point);
  const choose = (panel, label) => {
    const only = panel.dataset.only === label ? undefined : label;
    if (only === undefined) delete panel.dataset.only; else panel.dataset.only = only;
    for (const node of all(panel, "svg [data-label]"))
      node.classList.toggle("off", only !== undefined && node.dataset.label !== only);
    for (const node of all(panel, ".mask-legend button"))
      node.setAttribute("aria-pressed", String(node.dataset.label === only));
    const heat = panel.querySelector("[data-panel=heat]"), whole = panel.querySelector("[data-panel=whole]");
    if (heat) heat.disabled = only === undefined;
    if (whole) whole.disabled = only === undefined;
    cool(panel);
  };
  const seen = (panel) => all(panel, "svg g").filter((one) => !one.matches(".off, .weak"));
  const step = (panel, by) => {
    const masks = seen(panel), at = masks.findIndex((one) => one.matches(".lit"));
    if (!masks.length) return;
    const next = masks[at < 0 ? (by > 0 ? 0 : masks.length - 1) : (at + by + masks.length) % masks.length];
    light(panel, [next], next.dataset.say);
  };

  // --- the heat map lies on the same picture ---
  const cool = (panel) => {
    panel.classList.remove("heated");
    for (const one of all(panel, ".heat")) one.remove();
    panel.querySelector("[data-panel=heat]")?.setAttribute("aria-pressed", "false");
  };
  const heat = (layer) => {
    const panel = document.querySelector("#look-masks .mask-panel"), picture = layer.querySelector("img");
    if (!panel || !picture || picture.dataset.laid) return;
    picture.dataset.laid = "yes";
    cool(panel);
    const laid = picture.cloneNode();
    laid.className = "heat";
    panel.querySelector(".mask-canvas").append(laid);
    panel.classList.add("heated");
    panel.querySelector("[data-panel=heat]")?.setAttribute("aria-pressed", "true");
    say(panel, picture.alt);
  };
  const askHeat = (panel) => {
    if (panel.matches(".heated")) return cool(panel);
    const field = document.querySelector("#heat-asked textarea, #heat-asked input");
    if (!field) return;
    const kind = field.tagName === "TEXTAREA" ? HTMLTextAreaElement : HTMLInputElement;
    Object.getOwnPropertyDescriptor(kind.prototype, "value").set.call(field, panel.dataset.only);
    field.dispatchEvent(new Event("input", { bubbles: true }));
    const go = document.getElementById("heat-asked-go");
    setTimeout(() => (go.matches("button") ? go : go.querySelector("button")).click(), 60);
  };

  // --- zoom: where one points stays where it is ---
  const zoom = (panel, factor, x, y) => {
    const stage = panel.querySelector(".mask-stage"), canvas = panel.querySelector(".mask-canvas");
    const now = zooms.get(panel) ?? { scale: 1, x: 0, y: 0 };
    const scale = Math.min(16, Math.max(1, now.scale * factor));
    const at = [x ?? stage.clientWidth / 2, y ?? stage.clientHeight / 2];
    move(panel, {
      scale, x: at[0] - ((at[0] - now.x) * scale) / now.scale, y: at[1] - ((at[1] - now.y) * scale) / now.scale,
    });
  };
  const move = (panel, next) => {
    const stage = panel.querySelector(".mask-stage"), canvas = panel.querySelector(".mask-canvas");
    const within = (value, size) => Math.min(0, Math.max(size * (1 - next.scale), value));
    next.x = within(next.x, stage.clientWidth);
    next.y = within(next.y, stage.clientHeight);
    zooms.set(panel, next);
    canvas.style.transform = next.scale === 1 ? "" : `translate(${next.x}px, ${next.y}px) scale(${next.scale})`;
    canvas.style.setProperty("--zoom", next.scale); // names keep their size: they are to be read, not to be enlarged
    stage.classList.toggle("zoomed", next.scale > 1);
    const shown = panel.querySelector("[data-panel=zoom-whole]");
    if (shown) shown.textContent = `${Math.round(100 * next.scale)} %`;
  };
  const shift = (panel, x, y) => {
    const now = zooms.get(panel) ?? { scale: 1, x: 0, y: 0 };
    move(panel, { ...now, x: now.x + x, y: now.y + y });
  };
  const whole = (panel) => move(panel, { scale: 1, x: 0, y: 0 });
  document.addEventListener("wheel", (event) => {
    const stage = near(event.target, ".mask-stage");
    if (!stage || !(event.ctrlKey || event.metaKey || stage.matches(".zoomed"))) return; // else the page scrolls
    event.preventDefault();
    const box = stage.getBoundingClientRect();
    zoom(panelOf(stage), event.deltaY < 0 ? 1.25 : 0.8, event.clientX - box.left, event.clientY - box.top);
  }, { passive: false });
  let drag = null;
  document.addEventListener("pointerdown", (event) => {
    const stage = near(event.target, ".mask-stage.zoomed");
    if (stage) drag = { stage, x: event.clientX, y: event.clientY, moved: false };
  });
  document.addEventListener("pointermove", (event) => {
    if (!drag) return;
    const [x, y] = [event.clientX - drag.x, event.clientY - drag.y];
    if (!drag.moved && Math.hypot(x, y) < 4) return;
    Object.assign(drag, { x: event.clientX, y: event.clientY, moved: true });
    drag.stage.classList.add("moving");
    shift(panelOf(drag.stage), x, y);
  });
  let dragged = false;
  document.addEventListener("pointerup", () => {
    dragged = Boolean(drag?.moved);
    drag?.stage.classList.remove("moving");
    drag = null;
  });

  // --- smooth edges: stairs become the line that they stand for, long edges keep their place ---
  const cutOf = (drawing) => Math.min(3, Math.max(drawing.width, drawing.height) / 80); // no corner is cut by more
  const smooth = (path, cut) => path.replace(/M(\d+) (\d+)([hv\d-]*)z/g, (_, x, y, steps) => {
    let at = [Number(x), Number(y)];
    let points = [];
    for (const [, way, length] of steps.matchAll(/([hv])(-?\d+)/g)) {
      const by = Number(length), side = way === "h" ? 0 : 1, next = [...at];
      next[side] += by;
      const kept = Math.abs(by) <= 2 * cut ? [by / 2] : [Math.sign(by) * cut, by - Math.sign(by) * cut];
      for (const one of kept) { const point = [...at]; point[side] += one; points.push(point); }
      at = next;
    }
    points = points.flatMap((a, i) => { // corners cut once more (Chaikin), but of a long edge no more than of a short one
      const b = points[(i + 1) % points.length], part = Math.min(0.25, cut / 4 / Math.hypot(b[0] - a[0], b[1] - a[1]));
      return [part, 1 - part].map((t) => [a[0] + t * (b[0] - a[0]), a[1] + t * (b[1] - a[1])]);
    });
    return `M${points.map((point) => point.map((one) => +one.toFixed(2)).join(" ")).join("L")}z`;
  });
  const shape = (path) => {
    const drawn = path.getAttribute("d");
    if (state.smooth && drawn !== path.smoothed) {
      path.exact = drawn;
      path.smoothed = smooth(drawn, cutOf(path.ownerSVGElement.viewBox.baseVal));
      path.setAttribute("d", path.smoothed);
    } else if (!state.smooth && drawn === path.smoothed) path.setAttribute("d", path.exact);
  };

  // --- one state for all panels ---
  const dress = (panel) => {
    panel.dataset.dressed = JSON.stringify(state);
    panel.style.setProperty("--opacity", state.opacity / 100);
    panel.classList.toggle("outline", state.outline);
    panel.classList.toggle("unnamed", !state.names);
    for (const path of all(panel, "svg path")) shape(path);
    for (const one of all(panel, "[data-score]")) one.classList.toggle("weak", Number(one.dataset.score) < state.least);
    for (const input of all(panel, "input[data-panel]"))
      if (input.type === "range") input.value = state[input.dataset.panel]; else input.checked = state[input.dataset.panel];
    for (const told of all(panel, "output")) told.textContent = state.least.toFixed(2);
  };
  document.addEventListener("input", (event) => {
    const panel = panelOf(event.target), what = event.target.dataset.panel;
    if (!panel || !what) return;
    state[what] = event.target.type === "range" ? Number(event.target.value) : event.target.checked;
    document.querySelectorAll(".mask-panel").forEach(dress);
    if (what === "least") say(panel, panel.dataset.count
      .replace("{shown}", all(panel, "svg g:not(.weak)").length).replace("{all}", all(panel, "svg g").length));
  });
  const actions = {
    heat: askHeat, whole: (panel) => choose(panel, panel.dataset.only), "zoom-whole": whole,
    "zoom-in": (panel) => zoom(panel, 1.5), "zoom-out": (panel) => zoom(panel, 1 / 1.5),
  };
  document.addEventListener("click", (event) => {
    const panel = panelOf(event.target);
    if (!panel || (dragged && near(event.target, ".mask-stage"))) return;
    const entry = near(event.target, "[data-label]"), button = near(event.target, "button[data-panel]");
    if (button) actions[button.dataset.panel]?.(panel);
    else if (entry && !panel.matches(".heated")) choose(panel, entry.dataset.label);
    else if (entry && entry.matches("button")) choose(panel, entry.dataset.label);
  });
  const keys = {
    "+": (panel) => zoom(panel, 1.5), "=": (panel) => zoom(panel, 1.5), "-": (panel) => zoom(panel, 1 / 1.5), 0: whole,
    ArrowLeft: (panel) => shift(panel, 60, 0), ArrowRight: (panel) => shift(panel, -60, 0),
    ArrowUp: (panel) => shift(panel, 0, 60), ArrowDown: (panel) => shift(panel, 0, -60),
    n: (panel) => step(panel, 1), p: (panel) => step(panel, -1),
    Enter: (panel) => { const lit = panel.querySelector("g.lit"); if (lit) choose(panel, lit.dataset.label); },
  };
  const beside = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 };
  document.addEventListener("keydown", (event) => {
    const panel = panelOf(event.target);
    if (!panel || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Escape" && panel.dataset.only !== undefined) { choose(panel, panel.dataset.only); return; }
    if (event.target.matches(".mask-stage") && keys[event.key]) {
      event.preventDefault();
      keys[event.key](panel);
    } else if (near(event.target, ".mask-legend") && beside[event.key]) {
      event.preventDefault();
      const entries = all(panel, ".mask-legend button"), at = entries.indexOf(event.target);
      entries[(at + beside[event.key] + entries.length) % entries.length].focus();
    }
  });

  // what is for scripts alone is no stop of the Tab key; a tab that is opened later brings it later
  const unreached = () => document.querySelectorAll(".for-scripts :is(input, textarea, button), button.for-scripts")
    .forEach((node) => { node.tabIndex = -1; });
  new MutationObserver((changes) => {
    unreached();
    const found = new Set();
    for (const change of changes) {
      if (panelOf(change.target)) found.add(panelOf(change.target));
      for (const node of change.addedNodes)
        if (node.matches) [node, ...node.querySelectorAll(".mask-panel")].forEach((one) => found.add(one));
    }
    for (const one of found)
      if (one.matches(".mask-panel") && one.dataset.dressed !== JSON.stringify(state)) {
        dress(one);
        if (!one.querySelector(".mask-canvas")) continue;
        cool(one);
        whole(one);
      }
    const layer = document.getElementById("heat-layer");
    if (layer) heat(layer);
  // gradio takes over the attributes of a new answer, and with them the mark away
  }).observe(document.body, { childList: true, subtree: true, attributes: true, attributeFilter: ["data-dressed", "src"] });
  unreached();
}
