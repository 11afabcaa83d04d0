"use strict";
// What all pages share: making elements, sections, theme, keys, numbers, long lists.
const rk = {};

rk.el = (name, props, ...children) => {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(props || {})) {
    if (value === undefined || value === null || value === false) continue;
    if (key === "class") node.className = value;
    else if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else node.setAttribute(key, value === true ? "" : value);
  }
  rk.put(node, children);
  return node;
};
rk.put = (node, children) => {
  for (const child of children.flat(3)) {
    if (child === undefined || child === null || child === false) continue;
    node.append(child instanceof Node ? child : String(child));
  }
  return node;
};
rk.svg = (name, props, ...children) => {
  const node = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(props || {})) {
    if (value !== undefined && value !== null) node.setAttribute(key, value);
  }
  return rk.put(node, children);
};
rk.byId = (id) => document.getElementById(id);
rk.json = (id) => { const node = rk.byId(id); return node ? JSON.parse(node.textContent) : null; };

rk.seconds = (s) => {
  if (s === null || s === undefined || Number.isNaN(s)) return "–";
  if (s < 0.0995) return `${Math.round(s * 1000)} ms`;
  if (s < 9.95) return `${s.toFixed(1)} s`;
  if (s < 99.5) return `${Math.round(s)} s`;
  const m = Math.round(s / 60);
  if (s < 5970) return `${Math.floor(s / 60)} min ${String(Math.round(s) % 60).padStart(2, "0")} s`;
  if (m < 2880) return `${Math.floor(m / 60)} h ${String(m % 60).padStart(2, "0")} min`;
  return `${(s / 86400).toFixed(1)} days`;
};
rk.bytes = (n) => {
  if (n === null || n === undefined) return "–";
  let unit = 0;
  while (n >= 1024 && unit < 5) { n /= 1024; unit++; }
  return `${unit && n < 9.95 ? n.toFixed(1) : Math.round(n)} ${["B", "KiB", "MiB", "GiB", "TiB", "PiB"][unit]}`;
};
rk.count = (n) => n.toLocaleString("en-GB");
rk.many = (n, one, more) => `${rk.count(n)} ${n === 1 ? one : more || one + "s"}`;
rk.when = (t) => {
  if (!t) return "–";
  const d = new Date(t * 1000), p = (x) => String(x).padStart(2, "0");
  return `${d.getFullYear()}-${p(d.getMonth() + 1)}-${p(d.getDate())} ${p(d.getHours())}:${p(d.getMinutes())}:${p(d.getSeconds())}`;
};
rk.badge = (state, words) => rk.el("span", { class: `badge ${state}` }, words || rk.states[state] || state);
rk.states = { done: "✓ done", run: "↻ will run", running: "▶ running", failed: "✗ failed", wait: "waits" };

// A table of which only the rows in view exist. columns: {title, cell(row), num, sort(row)}.
rk.longTable = (box, label, columns, options) => {
  const ROW = 34, state = { rows: [], sort: -1, down: false };
  const body = rk.el("tbody"), table = rk.el("table", { class: "full long" });
  const heads = columns.map((column, at) => {
    const inner = column.sort
      ? rk.el("button", { type: "button", onclick: () => sortBy(at) }, column.title)
      : column.title;
    return rk.el("th", { class: column.num ? "num" : "", scope: "col" }, inner);
  });
  rk.put(table, [rk.el("caption", { class: "visually-hidden" }, label), rk.el("thead", {}, rk.el("tr", {}, heads)), body]);
  const scroll = rk.el("div", { class: "scroll long", tabindex: "0", role: "region", "aria-label": label }, table);
  box.replaceChildren(scroll);
  let shown = "";
  const draw = () => {
    const height = scroll.clientHeight || 600, total = state.rows.length;
    const first = Math.max(0, Math.floor(scroll.scrollTop / ROW) - 10);
    const last = Math.min(total, first + Math.ceil(height / ROW) + 20);
    const key = `${first} ${last}`;
    if (key === shown) return;
    shown = key;
    const rows = [];
    const pad = (n) => { const tr = rk.el("tr", { "aria-hidden": "true", class: "pad" }, rk.el("td", { colspan: columns.length })); tr.firstChild.style.height = `${n}px`; return tr; };
    if (first) rows.push(pad(first * ROW));
    for (let i = first; i < last; i++) {
      const row = state.rows[i];
      rows.push(rk.el("tr", { "aria-rowindex": i + 2 }, columns.map((c) => rk.el("td", { class: c.num ? "num" : c.wide ? "wide" : "" }, c.cell(row)))));
    }
    if (last < total) rows.push(pad((total - last) * ROW));
    body.replaceChildren(...rows);
    table.setAttribute("aria-rowcount", total + 1);
  };
  const sortBy = (at) => {
    state.down = state.sort === at ? !state.down : !!columns[at].num;
    state.sort = at;
    arrange();
  };
  const arrange = () => {
    if (state.sort >= 0) {
      const key = columns[state.sort].sort, sign = state.down ? -1 : 1;
      const keyed = state.rows.map((row) => [key(row), row]);
      keyed.sort((a, b) => (a[0] < b[0] ? -sign : a[0] > b[0] ? sign : 0));
      state.rows = keyed.map((pair) => pair[1]);
    }
    heads.forEach((th, at) => {
      if (at === state.sort) th.setAttribute("aria-sort", state.down ? "descending" : "ascending");
      else th.removeAttribute("aria-sort");
    });
    shown = ""; draw();
  };
  scroll.addEventListener("scroll", draw, { passive: true });
  new ResizeObserver(() => { shown = ""; draw(); }).observe(scroll);
  return {
    set: (rows, keep) => { state.rows = rows.slice(); if (!keep) scroll.scrollTop = 0; arrange(); },
    node: scroll,
  };
};

rk.theme = () => {
  const root = document.documentElement, button = rk.byId("theme");
  let now = null;
  try { now = localStorage.getItem("rulekit-theme"); } catch (e) { /* no storage for files */ }
  const dark = () => (now ? now === "dark" : matchMedia("(prefers-color-scheme: dark)").matches);
  const show = () => {
    if (now) root.dataset.theme = now;
    if (button) button.textContent = dark() ? "Light" : "Dark";
  };
  if (button) button.addEventListener("click", () => {
    now = dark() ? "light" : "dark";
    try { localStorage.setItem("rulekit-theme", now); } catch (e) { /* as above */ }
    show();
  });
  show();
};

// Sections are shown one at a time; the address names the one in view.
rk.sections = (onshow) => {
  document.documentElement.classList.add("js");
  const sections = [...document.querySelectorAll("main > section")];
  const links = [...document.querySelectorAll("nav.side a")];
  const show = (name) => {
    const [head, ...rest] = (name || "").split("/");
    let found = sections.find((s) => s.id === head);
    const target = !found && head ? rk.byId(head) : null;
    if (target) found = target.closest("main > section");
    found = found || sections[0];
    for (const s of sections) s.classList.toggle("active", s === found);
    for (const a of links) {
      if (a.getAttribute("href") === `#${found.id}`) {
        a.setAttribute("aria-current", "page");
        a.parentNode.parentNode.parentNode.scrollLeft = a.offsetLeft - 60;
      }
      else a.removeAttribute("aria-current");
    }
    if (onshow) onshow(found.id, rest.map(decodeURIComponent));
    if (target) target.scrollIntoView({ block: "start" });
  };
  addEventListener("hashchange", () => show(location.hash.slice(1)));
  rk.show = show;
  show(location.hash.slice(1));
  return sections.map((s) => s.id);
};

// "/" searches, digits choose a section, "?" tells the keys.
rk.keys = (more) => {
  const help = rk.el("dialog", { class: "small-box", "aria-label": "Keys" });
  const table = [["/", "search"], ["1 … 9", "go to a section"], ["Esc", "close what is open"], ...(more || []).map((k) => [k.key, k.what]), ["?", "this help"]];
  rk.put(help, [
    rk.el("div", { class: "head" }, rk.el("h2", {}, "Keys"), rk.el("button", { type: "button", onclick: () => help.close() }, "Close")),
    rk.el("div", { class: "in" }, rk.el("dl", { class: "facts" }, table.map(([key, what]) => [rk.el("dt", {}, rk.el("kbd", {}, key)), rk.el("dd", {}, what)]))),
  ]);
  document.body.append(help);
  const button = rk.byId("keys");
  if (button) button.addEventListener("click", () => help.showModal());
  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const typing = /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName);
    if (typing) { if (event.key === "Escape") event.target.blur(); return; }
    if (document.querySelector("dialog[open]")) return;
    if (event.key === "?") { help.showModal(); event.preventDefault(); return; }
    if (event.key === "/") {
      const box = document.querySelector("main > section.active input[type=search]");
      if (box) { box.focus(); box.select(); event.preventDefault(); }
      return;
    }
    if (/^[1-9]$/.test(event.key)) {
      const links = document.querySelectorAll("nav.side > ul > li > a");
      const link = links[Number(event.key) - 1];
      if (link) { location.hash = link.getAttribute("href"); link.focus(); }
      return;
    }
    for (const one of more || []) if (one.key === event.key && one.does()) event.preventDefault();
  });
};
rk.soon = (wait, does) => { let timer = 0; return (...args) => { clearTimeout(timer); timer = setTimeout(() => does(...args), wait); }; };
