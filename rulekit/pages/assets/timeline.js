// Attempts over time: a lane for each that runs beside others, above it how many run.
// works: {label, rule (name), colour, start, end, bad, going, threads, id}; options.open(work).
rk.gantt = (box, works, options) => {
  if (!works.length) { box.replaceChildren(rk.el("p", { class: "soft" }, "Nothing was run.")); return null; }
  const sorted = works.slice().sort((a, b) => a.start - b.start);
  const zero = sorted[0].start;
  const last = sorted.reduce((m, w) => Math.max(m, w.end), zero + 0.001);
  const free = [], busy = [];
  let lanes = 0;
  const push = (heap, item, less) => { heap.push(item); let i = heap.length - 1; while (i) { const p = (i - 1) >> 1; if (!less(heap[i], heap[p])) break; [heap[i], heap[p]] = [heap[p], heap[i]]; i = p; } };
  const pop = (heap, less) => { const top = heap[0], end = heap.pop(); if (heap.length) { heap[0] = end; let i = 0; for (;;) { let c = 2 * i + 1; if (c >= heap.length) break; if (c + 1 < heap.length && less(heap[c + 1], heap[c])) c++; if (!less(heap[c], heap[i])) break; [heap[i], heap[c]] = [heap[c], heap[i]]; i = c; } } return top; };
  const byEnd = (a, b) => a.end < b.end, byLane = (a, b) => a < b;
  for (const w of sorted) {
    while (busy.length && busy[0].end <= w.start + 1e-9) push(free, pop(busy, byEnd).lane, byLane);
    w.lane = free.length ? pop(free, byLane) : lanes++;
    push(busy, { end: w.end, lane: w.lane }, byEnd);
  }
  const changes = [];
  for (const w of sorted) { const n = w.threads || 1; changes.push([w.start, n, w.rss || 0], [w.end, -n, -(w.rss || 0)]); }
  changes.sort((a, b) => a[0] - b[0] || a[1] - b[1]);
  const steps = [], memory = [];
  let now = 0, mem = 0, most = 0, mostMemory = 0;
  for (const [t, d, m] of changes) {
    now += d; mem += m;
    most = Math.max(most, now); mostMemory = Math.max(mostMemory, mem);
    steps.push([t, now]); memory.push([t, mem]);
  }
  const range = { from: zero, to: last };
  const wrap = rk.el("div", { class: "gantt" });
  const svg = rk.svg("svg", { role: "img", "aria-label": `${works.length} attempts in ${lanes} lanes over ${rk.seconds(last - zero)}` });
  const tip = rk.el("div", { class: "tip", hidden: true });
  rk.put(wrap, [svg, tip]);
  const hiddenRules = new Set();
  const LEFT = 58, RIGHT = 12, TOP = 8, AREA = 54, AXIS = 22;
  const high = Math.max(3, Math.min(20, Math.floor(560 / lanes)));
  const charts = mostMemory ? 2 : 1;
  let width = 0;
  const draw = () => {
    width = wrap.clientWidth || 900;
    const inner = width - LEFT - RIGHT, y0 = TOP + charts * (AREA + 12) + AXIS, height = y0 + lanes * high + 10;
    const x = (t) => LEFT + ((t - range.from) / (range.to - range.from)) * inner;
    svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    svg.setAttribute("height", height);
    const parts = [];
    const span = range.to - range.from, wanted = Math.max(2, Math.floor(inner / 90));
    const units = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 28800, 86400, 172800, 604800];
    const unit = units.find((u) => span / u <= wanted) || units[units.length - 1] * Math.ceil(span / units[units.length - 1] / wanted);
    for (let t = Math.ceil((range.from - zero) / unit) * unit; t <= range.to - zero + 1e-9; t += unit) {
      const px = x(zero + t);
      parts.push(rk.svg("line", { class: "grid", x1: px, x2: px, y1: TOP, y2: height - 8 }));
      if (px < width - 34) parts.push(rk.svg("text", { x: px + 3, y: y0 - 7 }, t === 0 ? "0" : rk.seconds(t)));
    }
    const chart = (rows, max, top, label, say) => {
      let d = `M${LEFT} ${top + AREA}`, level = 0, lastX = -1, d2 = "";
      const scale = (v) => top + AREA - (v / (max || 1)) * AREA;
      for (const [t, v] of rows) {
        if (t < range.from) { level = v; continue; }
        if (t > range.to) break;
        const px = x(t);
        if (px - lastX < 0.4 && v <= level) { level = v; continue; }
        d2 += `L${px.toFixed(1)} ${scale(level).toFixed(1)}L${px.toFixed(1)} ${scale(v).toFixed(1)}`;
        level = v; lastX = px;
      }
      d2 += `L${x(range.to).toFixed(1)} ${scale(level).toFixed(1)}`;
      parts.push(rk.svg("path", { class: "area", d: `${d}${d2}L${x(range.to)} ${top + AREA}z` }));
      parts.push(rk.svg("text", { x: 6, y: top + 11 }, say(max)), rk.svg("text", { x: 6, y: top + AREA }, label));
    };
    chart(steps, most, TOP, "threads", (v) => rk.count(v));
    if (charts === 2) chart(memory, mostMemory, TOP + AREA + 12, "memory", (v) => rk.bytes(v * 1024));
    const ends = new Float64Array(lanes).fill(-1);
    for (const w of sorted) {
      if (w.end < range.from || w.start > range.to || hiddenRules.has(w.rule)) continue;
      const a = Math.max(LEFT, x(w.start)), b = Math.min(width - RIGHT, Math.max(x(w.end), a + 0.8));
      if (b - ends[w.lane] < 0.7 && !w.bad) continue;
      ends[w.lane] = b;
      const bar = rk.svg("rect", { class: `job c${w.colour % 12}${w.bad ? " bad" : ""}${w.going ? " going" : ""}`, x: a.toFixed(2), y: y0 + w.lane * high + (high > 5 ? 1 : 0), width: Math.max(0.8, b - a).toFixed(2), height: Math.max(2, high - (high > 5 ? 2 : 0.5)), rx: high > 9 ? 2 : 0 });
      bar.rkWork = w;
      parts.push(bar);
    }
    svg.replaceChildren(...parts);
  };
  const said = (w) => [w.label, `${rk.seconds(w.end - w.start)}, from ${rk.seconds(w.start - zero)} to ${rk.seconds(w.end - zero)}`, w.threads ? rk.many(w.threads, "thread") : "", w.rss ? `${rk.bytes(w.rss * 1024)} of memory` : "", w.bad ? `failed: ${w.bad}` : w.going ? "running" : ""].filter(Boolean).join("\n");
  svg.addEventListener("mousemove", (e) => {
    const w = e.target.rkWork;
    tip.hidden = !w;
    if (!w) return;
    tip.textContent = said(w);
    const r = wrap.getBoundingClientRect();
    tip.style.left = `${Math.min(e.clientX - r.left + 12, r.width - 240)}px`;
    tip.style.top = `${Math.min(e.clientY - r.top + 14, r.height - 70)}px`;
  });
  svg.addEventListener("mouseleave", () => { tip.hidden = true; });
  let from = null;
  const timeAt = (e) => { const r = svg.getBoundingClientRect(); return range.from + ((e.clientX - r.left - LEFT) / (r.width - LEFT - RIGHT)) * (range.to - range.from); };
  svg.addEventListener("pointerdown", (e) => { if (e.pointerType === "mouse" && !e.button) from = [e.clientX, timeAt(e)]; });
  svg.addEventListener("pointerup", (e) => {
    if (!from) return;
    const [px, t] = from;
    from = null;
    if (Math.abs(e.clientX - px) > 12) {
      const u = timeAt(e);
      range.from = Math.max(zero, Math.min(t, u)); range.to = Math.min(last, Math.max(t, u));
      if (range.to - range.from < 0.001) range.to = range.from + 0.001;
      draw();
    } else if (e.target.rkWork && options.open) options.open(e.target.rkWork);
  });
  const zoom = (factor) => {
    const middle = (range.from + range.to) / 2, half = ((range.to - range.from) / 2) * factor;
    range.from = Math.max(zero, middle - half); range.to = Math.min(last, middle + half);
    draw();
  };
  const shift = (part) => {
    const by = (range.to - range.from) * part, d = by < 0 ? Math.max(by, zero - range.from) : Math.min(by, last - range.to);
    range.from += d; range.to += d; draw();
  };
  const rules = [...new Map(sorted.map((w) => [w.rule, w.colour])).entries()];
  const legend = rk.el("div", { class: "legend", role: "group", "aria-label": "Rules shown" }, rules.slice(0, 60).map(([rule, colour]) => {
    const swatch = rk.svg("svg", { class: "swatch", viewBox: "0 0 11 11", "aria-hidden": "true" }, rk.svg("rect", { class: `c${colour % 12}`, width: 11, height: 11, rx: 2 }));
    const button = rk.el("button", { type: "button", class: "key", "aria-pressed": "true", onclick: () => {
      if (hiddenRules.has(rule)) hiddenRules.delete(rule); else hiddenRules.add(rule);
      button.setAttribute("aria-pressed", String(!hiddenRules.has(rule)));
      draw();
    } }, swatch, rule);
    return button;
  }));
  const buttons = rk.el("div", { class: "bar" },
    rk.el("button", { type: "button", onclick: () => zoom(0.5) }, "Zoom in"),
    rk.el("button", { type: "button", onclick: () => zoom(2) }, "Zoom out"),
    rk.el("button", { type: "button", "aria-label": "Earlier", onclick: () => shift(-0.3) }, "◀"),
    rk.el("button", { type: "button", "aria-label": "Later", onclick: () => shift(0.3) }, "▶"),
    rk.el("button", { type: "button", onclick: () => { range.from = zero; range.to = last; draw(); } }, "All"),
    rk.el("span", { class: "soft small" }, `${rk.many(works.length, "attempt")}, ${rk.seconds(last - zero)}, at most ${rk.many(most, "thread")} at once`));
  box.replaceChildren(buttons, wrap, legend);
  new ResizeObserver(() => { if (wrap.clientWidth !== width) draw(); }).observe(wrap);
  draw();
  return { draw };
};
