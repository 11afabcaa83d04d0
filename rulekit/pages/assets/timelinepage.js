// The timeline of one run, and its attempts as a table.
(() => {
  rk.theme();
  document.documentElement.classList.add("js");
  const rules = new Map();
  const works = rk.json("data").works.map(([label, rule, start, end, state, cause, cpu, rss, n]) => {
    if (!rules.has(rule)) rules.set(rule, rules.size);
    return { label, rule, colour: rules.get(rule), start, end, state, cause, bad: cause.split("\n")[0], going: state === "running", cpu, rss, n, threads: 1 };
  });
  rk.gantt(rk.byId("timeline-box"), works, {});
  const box = rk.byId("works-box");
  const search = rk.el("input", { type: "search", placeholder: "job …", "aria-label": "Search attempts" });
  const told = rk.el("span", { class: "soft small", role: "status" }), holder = rk.el("div", {});
  rk.put(box, [rk.el("div", { class: "bar" }, search, told), holder]);
  const table = rk.longTable(holder, "List of attempts", [
    { title: "Job", wide: true, cell: (w) => w.label, sort: (w) => w.label },
    { title: "Attempt", num: true, cell: (w) => w.n, sort: (w) => w.n },
    { title: "Outcome", cell: (w) => rk.el("span", {}, rk.badge(w.state), w.bad ? ` ${w.bad}` : ""), sort: (w) => w.state },
    { title: "Started", cell: (w) => rk.when(w.start), sort: (w) => w.start },
    { title: "Time", num: true, cell: (w) => rk.seconds(w.end - w.start), sort: (w) => w.end - w.start },
    { title: "CPU", num: true, cell: (w) => rk.seconds(w.cpu), sort: (w) => w.cpu || 0 },
    { title: "Memory", num: true, cell: (w) => (w.rss === null ? "–" : rk.bytes(w.rss * 1024)), sort: (w) => w.rss || 0 },
  ]);
  const find = () => {
    const wanted = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const found = works.filter((w) => wanted.every((part) => w.label.toLowerCase().includes(part)));
    table.set(found);
    told.textContent = `${rk.count(found.length)} of ${rk.many(works.length, "attempt")}`;
  };
  search.addEventListener("input", rk.soon(120, find));
  find();
  rk.keys([]);
  document.documentElement.dataset.ready = Math.round(performance.now());
})();
