// Jobs and rules in full, in a drawer at the side. `model` answers for the page's data.
rk.model = (data) => {
  const jobs = {}, cols = data.jobs;
  let count = 0;
  for (const [name, column] of Object.entries(cols)) {
    if (Array.isArray(column)) { jobs[name] = (j) => column[j]; count = column.length; }
    else { jobs[name] = () => column.all; count = column.n; }
  }
  const rules = new Map(data.rules.map((rule) => [rule.index, rule]));
  const producer = new Map(), users = new Map();
  for (let j = 0; j < count; j++) for (const f of jobs.out(j)) producer.set(f, j);
  for (let j = 0; j < count; j++) for (const n of jobs.needs(j)) { if (!users.has(n)) users.set(n, []); users.get(n).push(j); }
  const m = {
    data, jobs, count, rules, producer, users,
    rule: (j) => rules.get(jobs.rule(j)),
    ruleName: (j) => rules.get(jobs.rule(j)).name,
    wild: (j) => rules.get(jobs.rule(j)).names.map((name, i) => [name, jobs.wild(j)[i]]),
    key: (j) => { const w = m.wild(j); return m.ruleName(j) + (w.length ? ":" + w.map((p) => p.join("=")).join(",") : ""); },
    made: (j) => { const a = jobs.made(j); return a < 0 ? null : m.attempt(a); },
    attempt: (a) => { const t = data.attempts; return { at: a, run: t.run[a], job: t.job[a], start: t.start[a], sec: t.sec[a], n: t.n[a], cpu: t.cpu[a], rss: t.rss[a], bad: t.bad[a], rule: typeof t.rule[a] === "string" ? t.rule[a] : (rules.get(t.rule[a]) || { name: "?" }).name, colour: typeof t.rule[a] === "string" ? 11 : t.rule[a] }; },
    text: (n) => (n < 0 ? "" : data.texts[n]),
    cause: (bad) => bad[2] || bad[1] || `exit code ${bad[0]}`,
  };
  return m;
};

rk.drawer = (m) => {
  const title = rk.el("h2", {}), inside = rk.el("div", { class: "in" });
  const close = rk.el("button", { type: "button", onclick: () => dialog.close() }, "Close");
  const dialog = rk.el("dialog", { "aria-label": "Details" }, rk.el("div", { class: "head" }, title, close), inside);
  document.body.append(dialog);
  dialog.addEventListener("click", (e) => { if (e.target === dialog) dialog.close(); });
  dialog.addEventListener("close", () => {
    const section = location.hash.slice(1).split("/")[0];
    history.replaceState(null, "", `#${section}`);
  });
  const link = (j, words) => rk.el("a", { href: `#jobs/${j}` }, words || m.key(j));
  const facts = (pairs) => rk.el("dl", { class: "facts" }, pairs.filter((p) => p[1] !== null && p[1] !== undefined && p[1] !== "").map(([k, v]) => [rk.el("dt", {}, k), rk.el("dd", {}, v)]));
  const file = (f, maker) => {
    const known = m.data.facts[f], j = maker ? m.producer.get(f) : undefined;
    return rk.el("li", {}, rk.el("span", { class: "mono" }, m.data.files[f]),
      known ? rk.el("span", { class: "soft small" }, ` ${rk.bytes(known[0])}, ${rk.when(known[1])}`) : "",
      j !== undefined ? [" ← ", link(j)] : maker ? rk.el("span", { class: "soft small" }, " (not made here)") : "",
      known && known[2] ? rk.el("div", { class: "soft small mono" }, known[2]) : "");
  };
  const files = (list, maker, more) => (list.length ? rk.el("ul", { class: "files" }, list.map((f) => file(f, maker)), more ? rk.el("li", {}, `… ${rk.count(more)} more`) : "") : rk.el("p", { class: "soft" }, "none"));
  const chain = (j) => {
    const seen = new Set([j]), levels = [];
    let level = [j];
    while (level.length) {
      const next = [];
      for (const one of level) for (const n of m.jobs.needs(one)) if (!seen.has(n)) { seen.add(n); next.push(n); }
      if (next.length) levels.push(next);
      level = next;
    }
    if (!levels.length) return rk.el("p", { class: "soft" }, "It needs no other job.");
    return rk.el("ol", { class: "files" }, levels.slice(0, 40).map((one) => {
      const byRule = new Map();
      for (const n of one) { if (!byRule.has(m.ruleName(n))) byRule.set(m.ruleName(n), []); byRule.get(m.ruleName(n)).push(n); }
      return rk.el("li", {}, [...byRule].map(([rule, list], i) => [i ? ", " : "", list.length === 1 ? link(list[0]) : rk.el("details", { class: "inline" }, rk.el("summary", {}, `${rule} (${rk.many(list.length, "job")})`), rk.el("ul", { class: "files" }, list.slice(0, 100).map((n) => rk.el("li", {}, link(n))), list.length > 100 ? rk.el("li", {}, `… ${rk.count(list.length - 100)} more`) : ""))]));
    }));
  };
  const pre = (text, label) => rk.el("pre", { tabindex: "0", "aria-label": label }, text);
  const job = (j) => {
    const made = m.made(j), rule = m.rule(j), state = m.jobs.state(j), why = m.text(m.jobs.why(j));
    title.textContent = m.key(j);
    const run = made && made.run >= 0 ? m.data.runs[made.run] : null;
    const bad = m.jobs.bad(j).map(m.attempt);
    const logs = m.jobs.log(j).map((f) => m.data.files[f]);
    const command = m.text(m.jobs.cmd(j)), params = m.text(m.jobs.params(j)), env = m.text(m.jobs.env(j));
    const users = m.users.get(j) || [];
    rk.put((inside.replaceChildren(), inside), [
      rk.el("p", {}, rk.badge(state), why ? rk.el("span", { class: "soft" }, ` ${why}`) : ""),
      facts([["Rule", rk.el("a", { href: `#rules/${encodeURIComponent(rule.name)}` }, rule.name)],
        ...m.wild(j).map(([k, v]) => [k, v]),
        ["Made", made ? `${rk.when(made.start)}, in ${rk.seconds(made.sec)}` : "not on record"],
        ["Attempt", made && made.n > 1 ? String(made.n) : ""],
        ["Threads", m.jobs.threads(j)],
        ["CPU", made && made.cpu !== null ? `${rk.seconds(made.cpu)} (${Math.round((100 * made.cpu) / Math.max(made.sec, 0.001))} %)` : ""],
        ["Memory", made && made.rss !== null ? rk.bytes(made.rss * 1024) : ""],
        ["Run", run ? `${run[0]}, on ${run[4]}` : ""],
        ["Used by", users.length ? rk.el("span", {}, users.slice(0, 8).map((u, i) => [i ? ", " : "", link(u)]), users.length > 8 ? ` and ${rk.count(users.length - 8)} more` : "") : ""]]),
      bad.map((a) => rk.el("div", {}, rk.el("h3", {}, `Failed at ${rk.when(a.start)}, attempt ${a.n}`), rk.el("pre", { class: "wrap", tabindex: "0" }, m.cause(a.bad)))),
      rk.el("h3", {}, "Outputs"), files(m.jobs.out(j), false, 0),
      rk.el("h3", {}, "Inputs"), files(m.jobs.in(j), true, m.jobs.more(j)),
      rk.el("h3", {}, command ? "Command" : `Code (${rule.body})`), command || rule.code ? pre(command || rule.code, "Command") : rk.el("p", { class: "soft" }, "It only collects its inputs."),
      params ? [rk.el("h3", {}, "Parameters"), pre(params, "Parameters")] : "",
      rk.el("h3", {}, "Environment"), env ? pre(env, "Environment") : rk.el("p", { class: "soft" }, rule.software ? `Software that was in PATH; the rule asks for: ${rule.software}` : "Software that was in PATH."),
      logs.map((path) => [rk.el("h3", {}, "Log ", rk.el("span", { class: "mono" }, path)), m.data.logs[path] ? rk.el("pre", { tabindex: "0", "aria-label": "Log" }, m.data.logs[path]) : rk.el("p", { class: "soft" }, "empty, or not in this page")]),
      rk.el("h3", {}, "What came before, step by step"), chain(j),
    ]);
    show();
  };
  const ruleView = (name) => {
    const rule = m.data.rules.find((r) => r.name === name);
    if (!rule) return;
    title.textContent = `rule ${name}`;
    const mine = [];
    for (let j = 0; j < m.count; j++) if (m.jobs.rule(j) === rule.index) mine.push(j);
    const box = rk.el("div", {});
    rk.put((inside.replaceChildren(), inside), [
      rule.doc ? rk.el("p", {}, rule.doc) : "",
      facts([["Where", `${rule.place}, line ${rule.line}`], ["Jobs", rk.count(rule.jobs)], ["Total", rule.mean === null ? "" : rk.seconds(rule.total)], ["Mean", rule.mean === null ? "" : `${rk.seconds(rule.mean)} (${rk.seconds(rule.min)} to ${rk.seconds(rule.max)})`], ["Software", rule.software]]),
      rule.code ? [rk.el("h3", {}, `Code (${rule.body})`), pre(rule.code, "Code")] : "",
      rk.el("h3", {}, "Jobs"), box,
    ]);
    show();
    rk.jobList(m, box, mine, rule.names);
  };
  const show = () => { if (!dialog.open) dialog.showModal(); inside.scrollTop = 0; dialog.scrollTop = 0; title.tabIndex = -1; title.focus(); };
  return { job, rule: ruleView, close: () => { if (dialog.open) dialog.close(); }, dialog };
};

// A searchable list of jobs.
rk.jobList = (m, box, jobs, names, onfound) => {
  const search = rk.el("input", { type: "search", placeholder: "wildcard, file, rule …", "aria-label": "Search jobs" });
  const states = [...new Set(jobs.map((j) => m.jobs.state(j)))].sort();
  const state = rk.el("select", { "aria-label": "State" }, rk.el("option", { value: "" }, "all states"), states.map((s) => rk.el("option", { value: s }, rk.states[s] || s)));
  const told = rk.el("span", { class: "soft small", role: "status" });
  const holder = rk.el("div", {});
  box.replaceChildren(rk.el("div", { class: "bar" }, search, state, told), holder);
  const seconds = (j) => { const a = m.made(j); return a ? a.sec : -1; };
  const columns = [
    { title: "Job", wide: true, cell: (j) => rk.el("a", { href: `#jobs/${j}` }, names ? m.wild(j).map((p) => p.join("=")).join(", ") || m.ruleName(j) : m.key(j)), sort: (j) => m.key(j) },
    { title: "State", cell: (j) => rk.badge(m.jobs.state(j)), sort: (j) => m.jobs.state(j) },
    { title: "Time", num: true, cell: (j) => { const a = m.made(j); return a ? rk.seconds(a.sec) : "–"; }, sort: seconds },
    { title: "Memory", num: true, cell: (j) => { const a = m.made(j); return a && a.rss !== null ? rk.bytes(a.rss * 1024) : "–"; }, sort: (j) => { const a = m.made(j); return a && a.rss !== null ? a.rss : -1; } },
    { title: "Output", wide: true, cell: (j) => { const o = m.jobs.out(j); return o.length ? m.data.files[o[0]] + (o.length > 1 ? ` and ${o.length - 1} more` : "") : ""; } },
  ];
  const table = rk.longTable(holder, "List of jobs", columns);
  const words = (j) => `${m.key(j)} ${m.jobs.out(j).map((f) => m.data.files[f]).join(" ")}`.toLowerCase();
  const find = () => {
    const wanted = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const found = jobs.filter((j) => {
      if (state.value && m.jobs.state(j) !== state.value) return false;
      if (!wanted.length) return true;
      const text = words(j);
      return wanted.every((w) => text.includes(w));
    });
    table.set(found);
    if (onfound) onfound(found, found.length === jobs.length);
    told.textContent = found.length === jobs.length ? rk.many(jobs.length, "job") : `${rk.count(found.length)} of ${rk.many(jobs.length, "job")}`;
  };
  search.addEventListener("input", rk.soon(120, find));
  state.addEventListener("change", find);
  find();
};
