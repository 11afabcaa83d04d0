// The report: joins the sections to the data.
(() => {
  rk.theme();
  const data = rk.json("data"), m = rk.model(data);
  const drawer = rk.drawer(m);
  const built = new Set();
  const once = (name, does) => { if (!built.has(name)) { built.add(name); does(); } };

  const build = {
    overview: () => {
      const box = rk.byId("overview-more"), failed = [];
      for (let j = 0; j < m.count; j++) if (m.jobs.state(j) === "failed") failed.push(j);
      if (failed.length) {
        rk.put(box, [rk.el("h3", {}, "Failed"), rk.el("ul", { class: "files" }, failed.slice(0, 20).map((j) => {
          const bad = m.jobs.bad(j)[0], a = bad === undefined ? null : m.attempt(bad);
          return rk.el("li", {}, rk.el("a", { href: `#jobs/${j}` }, m.key(j)), a ? `: ${m.cause(a.bad).split("\n")[0]}` : "");
        })), failed.length > 20 ? rk.el("p", {}, `and ${rk.count(failed.length - 20)} more`) : ""]);
      }
      const chain = data.chain[1];
      if (chain.length > 1) {
        const long = chain.slice().sort((a, b) => m.made(b).sec - m.made(a).sec).slice(0, 5);
        rk.put(box, [rk.el("h3", {}, "Longest chain"), rk.el("p", { class: "soft" }, `${rk.many(chain.length, "job")} that wait for each other take ${rk.seconds(data.chain[0])}; with any number of cores the workflow takes at least that long. The longest of them:`),
          rk.el("ul", { class: "files" }, long.map((j) => rk.el("li", {}, rk.el("a", { href: `#jobs/${j}` }, m.key(j)), `: ${rk.seconds(m.made(j).sec)}`)))]);
      }
      const runs = data.runs.slice(0, 8);
      if (runs.length) rk.put(box, [rk.el("h3", {}, "Runs"), rk.el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Runs" }, rk.el("table", { class: "full" }, rk.el("thead", {}, rk.el("tr", {}, ["Started", "Took", "Outcome", "Host"].map((h) => rk.el("th", { scope: "col" }, h)))),
        rk.el("tbody", {}, runs.map((r) => rk.el("tr", {}, rk.el("td", {}, rk.when(r[1])), rk.el("td", {}, r[2] ? rk.seconds(r[2] - r[1]) : "–"), rk.el("td", {}, r[3] === null ? rk.badge("wait", "not ended") : r[3] ? rk.badge("done", "✓ well") : rk.badge("failed", "✗ failed")), rk.el("td", {}, r[4]))))))]);
    },
    results: () => {
      const bar = rk.byId("results-bar");
      for (const a of document.querySelectorAll("a[data-picture]")) {
        const img = document.querySelector(`#${a.dataset.picture} figure img`);
        if (!img) continue;
        a.href = img.src; a.removeAttribute("role"); a.classList.remove("hidden");
      }
      for (const box of document.querySelectorAll(".table[data-table]")) {
        const t = data.tables[box.dataset.table];
        if (!t) continue;
        const search = rk.el("input", { type: "search", placeholder: "rows with …", "aria-label": `Search rows of ${t.name}` });
        const told = rk.el("span", { class: "soft small", role: "status" }), holder = rk.el("div", {});
        box.replaceChildren(rk.el("div", { class: "bar" }, search, told), holder);
        const number = (v) => (v === "" ? -Infinity : Number(v));
        const table = rk.longTable(holder, t.name, t.head.map((title, at) => ({ title: title || `column ${at + 1}`, num: t.numeric[at], cell: (row) => row[at], sort: (row) => (t.numeric[at] ? number(row[at]) : row[at]) })));
        const find = () => {
          const wanted = search.value.toLowerCase();
          const rows = wanted ? t.rows.filter((row) => row.some((c) => c.toLowerCase().includes(wanted))) : t.rows;
          table.set(rows);
          told.textContent = rows.length === t.rows.length ? rk.many(rows.length, "row") : `${rk.count(rows.length)} of ${rk.many(t.rows.length, "row")}`;
        };
        search.addEventListener("input", rk.soon(120, find));
        find();
      }
      if (!bar) return;
      const search = rk.el("input", { type: "search", placeholder: "Search results", "aria-label": "Search results" });
      const told = rk.el("span", { class: "soft small", role: "status" });
      rk.put(bar, [search, told]);
      const articles = [...document.querySelectorAll("article.result")];
      const find = () => {
        const wanted = search.value.toLowerCase().split(/\s+/).filter(Boolean);
        let shown = 0;
        for (const a of articles) {
          const yes = wanted.every((w) => a.dataset.find.includes(w));
          a.hidden = !yes;
          shown += yes;
        }
        for (const g of document.querySelectorAll(".subcategory, .category")) g.hidden = !g.querySelector("article.result:not([hidden])");
        told.textContent = wanted.length ? `${rk.count(shown)} of ${rk.many(articles.length, "result")}` : "";
      };
      search.addEventListener("input", rk.soon(120, find));
    },
    workflow: () => { rk.graph(rk.byId("graph-box"), { open: (name) => { location.hash = `#rules/${encodeURIComponent(name)}`; } }); },
    rules: () => {},
    timeline: () => {
      const box = rk.byId("timeline-box");
      const t = data.attempts, byRun = new Map();
      t.run.forEach((r, a) => { if (r >= 0) { if (!byRun.has(r)) byRun.set(r, []); byRun.get(r).push(a); } });
      const runs = [...byRun.keys()].sort((a, b) => a - b);
      if (!runs.length) { box.replaceChildren(rk.el("p", { class: "soft" }, "Nothing is on record.")); return; }
      const choose = rk.el("select", { "aria-label": "Run" }, runs.map((r) => rk.el("option", { value: r }, `${rk.when(data.runs[r][1])} (${rk.many(byRun.get(r).length, "attempt")})`)));
      const holder = rk.el("div", {});
      box.replaceChildren(rk.el("div", { class: "bar" }, rk.el("label", {}, "Run ", choose)), holder);
      const draw = () => {
        const works = byRun.get(Number(choose.value)).map((a) => {
          const one = m.attempt(a);
          return { label: one.job >= 0 ? m.key(one.job) : one.rule, rule: one.rule, colour: one.colour, start: one.start, end: one.start + one.sec, bad: one.bad ? m.cause(one.bad).split("\n")[0] : "", rss: one.rss, threads: one.job >= 0 ? m.jobs.threads(one.job) : 1, job: one.job };
        });
        rk.gantt(holder, works, { open: (w) => { if (w.job >= 0) location.hash = `#jobs/${w.job}`; } });
      };
      choose.addEventListener("change", draw);
      draw();
    },
    jobs: () => { rk.jobList(m, rk.byId("jobs-box"), [...Array(m.count).keys()]); },
    software: () => {},
  };
  const open = (section, rest) => {
    once(section, build[section] || (() => {}));
    if (section === "jobs" && rest.length && Number(rest[0]) < m.count) drawer.job(Number(rest[0]));
    else if (section === "rules" && rest.length) drawer.rule(rest[0]);
    else if (drawer.dialog.open) drawer.close();
  };
  rk.sections(open);
  const step = (by) => () => {
    const section = document.querySelector("main > section.active");
    if (section.id !== "results") return false;
    const list = [...section.querySelectorAll("article.result:not([hidden])")];
    let at = list.findIndex((a) => a.getBoundingClientRect().bottom > 80);
    if (by > 0 && at >= 0 && list[at].getBoundingClientRect().top < 20) at += 1;
    else if (by < 0) at -= 1;
    const next = list[Math.max(0, Math.min(list.length - 1, at))];
    if (next) { next.tabIndex = -1; next.focus({ preventScroll: true }); next.scrollIntoView({ block: "start" }); }
    return true;
  };
  rk.keys([{ key: "j", what: "next result", does: step(1) }, { key: "k", what: "previous result", does: step(-1) }]);
  document.documentElement.dataset.ready = Math.round(performance.now()); // milliseconds since the page was asked for
})();
