// The live page: hears of changes, draws them. It can only read.
(() => {
  rk.theme();
  const token = new URLSearchParams(location.search).get("token") || "";
  const ask = (path) => `${path}${path.includes("?") ? "&" : "?"}token=${encodeURIComponent(token)}`;
  const works = [], rules = new Map();
  let view = null, gone = false, fetching = false, drawnWorks = -1, section = "now";
  const box = (name) => rk.byId(`${name}-box`);
  const now = () => (view && view.ended ? view.ended.time : Date.now() / 1000);
  const colour = (rule) => { if (!rules.has(rule)) rules.set(rule, rules.size); return rules.get(rule); };
  const bar = (cls, parts, total, label) => {
    const svg = rk.svg("svg", { class: cls, viewBox: "0 0 100 4", preserveAspectRatio: "none", role: "img", "aria-label": label });
    let x = 0;
    for (const [name, n] of parts) { const w = total ? (100 * n) / total : 0; if (w) svg.append(rk.svg("rect", { class: name, x, y: 0, width: w, height: 4 })); x += w; }
    return svg;
  };
  const table = (label, heads, rows) => rk.el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": label },
    rk.el("table", { class: "full" }, rk.el("thead", {}, rk.el("tr", {}, heads.map(([h, num]) => rk.el("th", { scope: "col", class: num ? "num" : "" }, h)))),
      rk.el("tbody", {}, rows.length ? rows : rk.el("tr", {}, rk.el("td", { colspan: heads.length, class: "soft" }, "none")))));
  const left = () => {
    if (!view || view.ended || !view.total || !view.done || !view.run.started) return null;
    const took = now() - view.run.started;
    return view.done < 2 ? null : (took / view.done) * (view.total - view.done);
  };
  const tiles = () => {
    const took = view.run.started ? now() - view.run.started : null, rest = left();
    const waiting = view.total === null ? null : Math.max(0, view.total - view.done - view.failed - view.at_work);
    const list = [["Done", view.total === null || view.total < view.done ? rk.count(view.done) : [rk.count(view.done), rk.el("small", {}, ` of ${rk.count(view.total)}`)]], ["Running", rk.count(view.at_work)]];
    if (waiting !== null && view.total) list.push([view.ended ? "Not run" : "Waiting", rk.count(waiting)]);
    list.push(["Failed", rk.count(view.failed)], ["Time", rk.seconds(took)]);
    if (rest !== null) list.push(["Left, about", rk.seconds(rest)]);
    if (took > 1) list.push(["Jobs a minute", rk.count(Math.round((view.done / took) * 60))]);
    if (view.cloud) {
      list.push(["Nodes", [rk.count(view.cloud.nodes), rk.el("small", {}, ` of ${rk.count(view.cloud.wanted)}`)]], ["Queued", rk.count(view.cloud.queued)]);
      if (view.cloud.cost !== null && view.cloud.cost !== undefined) list.push(["Cost, about", `${view.cloud.cost.toFixed(2)} ${view.cloud.currency}`]);
    }
    return rk.el("dl", { class: "tiles" }, list.map(([k, v]) => rk.el("div", {}, rk.el("dt", {}, k), rk.el("dd", {}, v))));
  };
  const drawNow = () => {
    const total = Math.max(view.total || 0, view.done + view.failed + view.at_work);
    const running = view.running.map((j) => rk.el("tr", {}, rk.el("td", { class: "name" }, j.key, j.attempt > 1 ? rk.el("span", { class: "soft" }, ` attempt ${j.attempt}`) : ""), rk.el("td", { class: "num" }, rk.seconds(now() - j.started)), rk.el("td", { class: "num" }, j.threads), rk.el("td", { class: "num" }, j.resources.mem_mb ? `${rk.count(j.resources.mem_mb)} MB` : "")));
    const last = view.last.map(([key, , start, end, state]) => rk.el("tr", {}, rk.el("td", { class: "name" }, key), rk.el("td", {}, rk.badge(state)), rk.el("td", { class: "num" }, rk.seconds(end - start))));
    const perRule = view.rules.map((r) => rk.el("tr", {}, rk.el("th", { scope: "row" }, r.name), rk.el("td", {}, bar("rule-bar", [["done", r.done], ["running", r.running], ["failed", r.failed]], Math.max(r.total, r.done + r.running + r.failed), `${r.done} of ${r.total} done`)), rk.el("td", { class: "num" }, rk.count(r.done)), rk.el("td", { class: "num" }, r.total ? rk.count(r.total) : "?"), rk.el("td", { class: "num" }, r.running ? rk.count(r.running) : ""), rk.el("td", { class: "num" }, r.failed ? rk.el("span", { class: "badge failed" }, rk.count(r.failed)) : "")));
    const scrolls = [...box("now").querySelectorAll(".scroll")].map((s) => [s.scrollTop, s.scrollLeft]);
    box("now").replaceChildren(
      bar("progress", [["done", view.done], ["running", view.at_work], ["failed", view.failed]], total, `${view.done} of ${total} jobs done`),
      tiles(),
      rk.el("h3", {}, "Rules"), table("Progress of rules", [["Rule"], ["Progress"], ["Done", 1], ["Jobs", 1], ["Running", 1], ["Failed", 1]], perRule),
      rk.el("div", { class: "two" },
        rk.el("div", {}, rk.el("h3", {}, view.at_work > view.running.length ? `Running (the first ${view.running.length} of ${rk.count(view.at_work)})` : "Running"), table("Running jobs", [["Job"], ["For", 1], ["Threads", 1], ["Memory", 1]], running)),
        rk.el("div", {}, rk.el("h3", {}, "Last ended"), table("Jobs that ended last", [["Job"], ["Outcome"], ["Took", 1]], last))));
    box("now").querySelectorAll(".scroll").forEach((s, i) => { if (scrolls[i]) [s.scrollTop, s.scrollLeft] = scrolls[i]; });
  };
  const drawFailures = () => {
    const list = view.failures.map((f) => rk.el("article", { class: "card" },
      rk.el("h3", {}, f.key), rk.el("p", {}, rk.badge("failed", f.retry ? "↻ tried again" : "✗ failed"), ` attempt ${f.attempt || 1}, ${rk.when(f.time)}`),
      rk.el("pre", { class: "wrap", tabindex: "0" }, f.cause),
      f.logs.map(([path, text]) => [rk.el("p", { class: "mono small" }, path), text ? rk.el("pre", { tabindex: "0" }, text) : ""]),
      f.again ? [rk.el("p", { class: "soft" }, "Run it again:"), rk.el("pre", { class: "wrap", tabindex: "0" }, f.again)] : ""));
    box("failures").replaceChildren(...(list.length ? list : [rk.el("p", { class: "soft" }, "No job has failed.")]));
  };
  const drawNotes = () => {
    const rows = view.notes.map((n) => rk.el("tr", {}, rk.el("td", {}, rk.when(n.time)), rk.el("td", {}, n.level), rk.el("td", {}, n.text)));
    box("notes").replaceChildren(table("List of messages", [["When"], ["Kind"], ["Message"]], rows));
  };
  const drawTimeline = () => {
    if (drawnWorks === works.length && !view.at_work) return;
    drawnWorks = works.length;
    const all = works.map(([label, rule, start, end, state, cause, , rss]) => ({ label, rule, colour: colour(rule), start, end, bad: cause.split("\n")[0], rss, threads: 1 }));
    for (const j of view.running) all.push({ label: j.key, rule: j.rule, colour: colour(j.rule), start: j.started, end: Math.max(now(), j.started), going: true, threads: j.threads });
    if (all.length) rk.gantt(box("timeline"), all, {});
    else box("timeline").replaceChildren(rk.el("p", { class: "soft" }, "Nothing was run yet."));
  };
  const more = async () => {
    if (fetching || !view || works.length >= view.works) return;
    fetching = true;
    try {
      while (works.length < view.works) {
        const answer = await fetch(ask(`/works?since=${works.length}`));
        if (!answer.ok) break;
        const rows = await answer.json();
        if (!rows.length) break;
        works.push(...rows);
      }
      if (section === "timeline") drawTimeline();
    } catch (e) { /* the server has gone: what is here stays */ } finally { fetching = false; }
  };
  const focused = (name) => { const a = document.activeElement; return a && a !== document.body && box(name).contains(a) && a.tagName !== "DIV"; };
  const draw = () => {
    if (!view) return;
    const run = view.run;
    rk.byId("about").textContent = run.started ? `Run of ${rk.when(run.started)}${run.cores && run.cores < 1e9 ? `, ${rk.many(run.cores, "core")}` : ""}${run.rulefile ? `, ${run.rulefile}` : ""}` : "The run has not begun.";
    const outcome = view.ended ? (view.ended.ok === null ? ["wait", "ended; how is not known"] : view.ended.ok ? ["done", "✓ ended well"] : view.ended.interrupted ? ["failed", "✗ interrupted"] : ["failed", "✗ failed"]) : gone ? ["wait", "no connection"] : ["running", "▶ running"];
    const shown = rk.byId("outcome");
    if (shown.textContent !== outcome[1]) shown.replaceChildren(rk.badge(...outcome));
    document.title = `${view.ended ? outcome[1] : view.total ? `${Math.floor((100 * view.done) / Math.max(view.total, 1))} %` : outcome[1]} ${view.title}`;
    rk.byId("count-failures").textContent = view.failures.length ? rk.count(view.failures.length) : "";
    rk.byId("count-now").textContent = view.at_work ? rk.count(view.at_work) : "";
    if (section === "now") drawNow();
    if (section === "timeline") { drawTimeline(); more(); }
    if (section === "failures" && !focused("failures")) drawFailures();
    if (section === "notes" && !focused("notes")) drawNotes();
    document.documentElement.dataset.ready = document.documentElement.dataset.ready || Math.round(performance.now());
  };
  rk.sections((name) => { section = name; drawnWorks = -1; draw(); });
  rk.keys([]);
  const source = new EventSource(ask("/events"));
  source.onmessage = (event) => { view = JSON.parse(event.data); gone = false; draw(); };
  source.addEventListener("end", () => { source.close(); more(); draw(); });
  source.onerror = () => { gone = true; if (view && view.ended) source.close(); draw(); };
  setInterval(() => { if (view && !view.ended && section === "now" && !document.hidden) draw(); }, 1000);
})();
