// A page about the graph alone: the picture, the list of jobs, a drawer for both.
(() => {
  rk.theme();
  document.documentElement.classList.add("js");
  const m = rk.model(rk.json("data")), drawer = rk.drawer(m);
  const box = rk.byId("graph-box"), byJob = box.dataset.unit === "job";
  const graph = rk.graph(box, { open: (name) => { location.hash = byJob ? `#jobs/${name}` : `#rules/${encodeURIComponent(name)}`; } });
  rk.jobList(m, rk.byId("jobs-box"), [...Array(m.count).keys()], null, (found, all) => {
    if (!graph) return;
    const names = new Set(found.map((j) => (byJob ? String(j) : m.ruleName(j))));
    graph.find(all ? null : (name) => names.has(name));
  });
  const open = () => {
    const [head, name] = location.hash.slice(1).split("/").map(decodeURIComponent);
    if (head === "jobs" && name && Number(name) < m.count) drawer.job(Number(name));
    else if (head === "rules" && name) drawer.rule(name);
    else drawer.close();
  };
  addEventListener("hashchange", open);
  open();
  rk.keys([{ key: "0", what: "the whole graph", does: () => { if (graph) graph.fit(); return true; } }]);
  document.documentElement.dataset.ready = Math.round(performance.now());
})();
