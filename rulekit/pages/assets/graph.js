// A graph to move about in: drag, wheel, buttons, keys; a box can be opened.
rk.graph = (box, options) => {
  const svg = box.querySelector("svg.graph");
  if (!svg) return null;
  const width = svg.viewBox.baseVal.width, height = svg.viewBox.baseVal.height;
  const view = rk.el("div", { class: "view", tabindex: "0", role: "group", "aria-label": "Graph: arrow keys move it, + and - change its size" });
  const canvas = rk.el("div", { class: "canvas" }, view);
  svg.replaceWith(canvas);
  view.append(svg);
  svg.setAttribute("width", "100%");
  svg.setAttribute("height", "100%");
  svg.setAttribute("role", "group");
  const at = { x: 0, y: 0, scale: 1 };
  const apply = () => {
    const w = view.clientWidth || 800, h = view.clientHeight || 500;
    svg.setAttribute("viewBox", `${at.x} ${at.y} ${w / at.scale} ${h / at.scale}`);
  };
  const fit = (least) => {
    const w = view.clientWidth || 800, h = view.clientHeight || 500;
    at.scale = Math.max(Math.min(1.15, w / width, h / height), least);
    at.x = width / 2 - w / at.scale / 2;
    at.y = Math.min(0, height / 2 - h / at.scale / 2);
    if (h / at.scale < height) at.y = -8;
    apply();
  };
  const zoom = (factor, cx, cy) => {
    const w = view.clientWidth, h = view.clientHeight;
    const px = cx === undefined ? w / 2 : cx, py = cy === undefined ? h / 2 : cy;
    const scale = Math.min(4, Math.max(0.01, at.scale * factor));
    at.x += px / at.scale - px / scale;
    at.y += py / at.scale - py / scale;
    at.scale = scale;
    apply();
  };
  canvas.append(rk.el("div", { class: "zoom" },
    rk.el("button", { type: "button", "aria-label": "Larger", onclick: () => zoom(1.4) }, "+"),
    rk.el("button", { type: "button", "aria-label": "Smaller", onclick: () => zoom(1 / 1.4) }, "−"),
    rk.el("button", { type: "button", onclick: () => fit(0.005) }, "Fit")));
  const pointers = new Map();
  let moved = 0, spread = 0;
  view.addEventListener("pointerdown", (e) => { pointers.set(e.pointerId, [e.clientX, e.clientY]); moved = 0; spread = 0; });
  view.addEventListener("pointermove", (e) => {
    const last = pointers.get(e.pointerId);
    if (!last) return;
    pointers.set(e.pointerId, [e.clientX, e.clientY]);
    if (pointers.size === 2) {
      const [a, b] = [...pointers.values()], now = Math.hypot(a[0] - b[0], a[1] - b[1]);
      if (spread) zoom(now / spread);
      spread = now;
      return;
    }
    const dx = e.clientX - last[0], dy = e.clientY - last[1];
    moved += Math.abs(dx) + Math.abs(dy);
    if (moved > 4) view.setPointerCapture(e.pointerId);
    at.x -= dx / at.scale; at.y -= dy / at.scale;
    apply();
  });
  for (const end of ["pointerup", "pointercancel"]) view.addEventListener(end, (e) => { pointers.delete(e.pointerId); spread = 0; });
  view.addEventListener("wheel", (e) => {
    if (!e.ctrlKey && !e.metaKey && document.activeElement !== view && !view.contains(document.activeElement)) return;
    e.preventDefault();
    const r = view.getBoundingClientRect();
    zoom(e.deltaY < 0 ? 1.15 : 1 / 1.15, e.clientX - r.left, e.clientY - r.top);
  }, { passive: false });
  view.addEventListener("keydown", (e) => {
    const step = 60 / at.scale, moves = { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, -step], ArrowDown: [0, step] };
    if (moves[e.key] && e.target === view) { at.x += moves[e.key][0]; at.y += moves[e.key][1]; apply(); e.preventDefault(); }
    else if (e.key === "+" || e.key === "=") zoom(1.3);
    else if (e.key === "-") zoom(1 / 1.3);
    else if (e.key === "0") fit(0.005);
  });
  const boxes = new Map();
  for (const g of svg.querySelectorAll("g.box")) {
    boxes.set(g.dataset.name, g);
    g.classList.add("link");
    g.setAttribute("tabindex", "0");
    g.setAttribute("role", "button");
    g.setAttribute("aria-label", g.querySelector("title").textContent);
    g.addEventListener("click", () => { if (moved < 5) options.open(g.dataset.name); });
    g.addEventListener("keydown", (e) => { if (e.key === "Enter" || e.key === " ") { e.preventDefault(); options.open(g.dataset.name); } });
    g.addEventListener("mouseenter", () => near(g));
    g.addEventListener("mouseleave", () => near(null));
    g.addEventListener("focus", () => near(g));
    g.addEventListener("blur", () => near(null));
  }
  const edges = [...svg.querySelectorAll("path.edge")];
  const many = edges.length > 3000;
  const near = (g) => {
    if (many) return;
    const n = g ? g.dataset.n : null;
    for (const e of edges) e.classList.toggle("near", n !== null && e.dataset.e.split(" ").includes(n));
  };
  let drawn = 0;
  new ResizeObserver(() => { if (view.clientWidth !== drawn) { drawn = view.clientWidth; fit(0.45); } }).observe(view);
  return {
    fit: () => fit(0.005),
    // Fades all boxes but those that `wanted` says yes to; null: none.
    find: (wanted) => {
      let first = null;
      for (const [name, g] of boxes) {
        const yes = !wanted || wanted(name);
        g.classList.toggle("faded", !yes);
        if (wanted && yes && !first) first = g;
      }
      for (const e of edges) e.classList.toggle("faded", !!wanted);
      return first;
    },
    boxes,
  };
};
