/// The dashboard's script: what is shown and asked again every two seconds.
enum DashboardScript {
    static let text = #"""
        "use strict";
        const $ = (id) => document.getElementById(id);
        let before = null, shownTable = null;

        function make(name, text, attributes) {
          const element = document.createElement(name);
          if (text !== undefined && text !== null) element.textContent = text;
          for (const key in attributes || {}) element.setAttribute(key, attributes[key]);
          return element;
        }
        function draw(name, attributes, text) {
          const element = document.createElementNS("http://www.w3.org/2000/svg", name);
          for (const key in attributes) element.setAttribute(key, attributes[key]);
          if (text !== undefined) element.textContent = text;
          return element;
        }
        const plain = (v) => v && v.base64 !== undefined ? "base64:" + v.base64 : String(v);
        const whole = (n) => Math.round(n).toLocaleString("en");
        function bytes(n) {
          const units = ["B", "KiB", "MiB", "GiB", "TiB"];
          let unit = 0;
          while (n >= 1024 && unit < 4) { n /= 1024; unit += 1; }
          return (unit ? n.toFixed(1) : n) + " " + units[unit];
        }
        function time(ns) {
          if (!ns) return "–";
          if (ns >= 1e9) return (ns / 1e9).toFixed(2) + " s";
          if (ns >= 1e6) return (ns / 1e6).toFixed(2) + " ms";
          return (ns / 1e3).toFixed(1) + " µs";
        }
        function moment(ms) {
          if (ms === null || ms === undefined) return "none yet";
          if (Math.abs(ms) > 8.64e15) return "end of input";
          return new Date(ms).toISOString().replace("T", " ").replace(".000Z", "Z");
        }
        async function ask(path, options) {
          options = options || {};
          const headers = { "X-XSRF-HEADER": "ui" };
          const token = sessionStorage.getItem("token");
          if (token) headers.Authorization = "Bearer " + token;
          if (options.body) headers["Content-Type"] = "application/json";
          const answer = await fetch(path, { ...options, headers });
          if (answer.status === 401) $("login").hidden = false;
          if (!answer.ok) {
            let reason = answer.status;
            try { reason = (await answer.json()).error.message; } catch (e) { /* no JSON */ }
            throw new Error(reason);
          }
          return answer;
        }
        function fill(id, rows, none) {
          const body = $(id).querySelector("tbody");
          const kept = document.activeElement && document.activeElement.dataset.name;
          body.replaceChildren();
          if (!rows.length) {
            const row = make("tr");
            row.append(make("td", none, { class: "empty", colspan: 8 }));
            body.append(row);
          }
          for (const cells of rows) {
            const row = make("tr");
            cells.forEach((cell, i) => {
              const place = i === 0 ? make("th", null, { scope: "row" }) : make("td");
              place.append(cell);
              row.append(place);
            });
            body.append(row);
          }
          if (kept) {
            const again = [...body.querySelectorAll("button")].find((b) => b.dataset.name === kept);
            if (again) again.focus();
          }
        }
        const sum = (list, name) => list.reduce((total, one) => total + one[name], 0);
        function rate(now, name, value, seconds) {
          const old = before && before.counts[name];
          now[name] = value;
          return old === undefined || !seconds ? 0 : Math.max(0, (value - old) / seconds);
        }
        function show(overview) {
          const counts = {};
          const seconds = before ? (overview.time_ms - before.time) / 1000 : 0;
          const per = (name, value) => whole(rate(counts, name, value, seconds));
          const engine = overview.engine;
          const tiles = [["Requests/s", per("requests", overview.requests)]];
          if (engine) {
            const looked = engine.cache_hits + engine.cache_misses;
            tiles.push(["Batches/s", per("batches", engine.batches)],
              ["Files", bytes(engine.table_bytes)], ["Unflushed", bytes(engine.memtable_bytes)],
              ["Block cache", bytes(engine.cache_bytes)],
              ["Cache hits", looked ? (100 * engine.cache_hits / looked).toFixed(1) + " %" : "–"],
              ["Indexes and filters", bytes(engine.index_bytes)],
              ["Waits to be merged", bytes(engine.compaction_debt_bytes)],
              ["Merged", per("merged", engine.compaction_written_bytes / 1024) + " KiB/s"],
              ["Write amplification", engine.write_amplification.toFixed(2)],
              ["Space amplification", engine.space_amplification.toFixed(2)],
              ["Stalls", whole(engine.stalls)], ["Snapshots", whole(engine.snapshots)]);
            fill("latencies", ["commits", "gets", "seeks"].map((name) => {
              const one = engine[name];
              return [name, time(one.p50_ns), time(one.p99_ns), time(one.max_ns),
                whole(one.samples)];
            }), "");
          }
          $("now").replaceChildren(...tiles.map(([name, value]) => {
            const tile = make("div");
            tile.append(make("dt", name), make("dd", value));
            return tile;
          }));
          fill("tables", overview.tables.map((table) => {
            const open = make("button", table.name, { class: "link", type: "button" });
            open.dataset.name = "open " + table.name;
            open.addEventListener("click", () => openTable(table.name, overview));
            const regions = table.regions;
            return [open, whole(regions.length), whole(sum(regions, "cells")),
              bytes(sum(regions, "file_bytes")), bytes(sum(regions, "memory_bytes")),
              per("r " + table.name, sum(regions, "reads")),
              per("w " + table.name, sum(regions, "writes"))];
          }), "There are no tables yet.");
          const open = overview.tables.find((table) => table.name === shownTable);
          if (open) showRegions(open);
          showJobs(overview.jobs || [], overview.time_ms);
          fill("alerts", (overview.alerts || []).map((alert) => [alert.alert, alert.job, alert.key,
            alert.state, alert.since]), "No alerts are pending or firing.");
          before = { time: overview.time_ms, counts };
        }
        function showRegions(table) {
          fill("regions", table.regions.map((r) => [plain(r.start) || "the first",
            plain(r.end) || "the last", whole(r.cells), bytes(r.file_bytes),
            bytes(r.memory_bytes), whole(r.reads), whole(r.writes)]), "");
          const most = Math.max(1, ...table.regions.map((r) => r.reads + r.writes));
          const width = 1000 / table.regions.length;
          const picture = draw("svg", { viewBox: "0 0 1000 40", preserveAspectRatio: "none" });
          table.regions.forEach((r, i) => picture.append(draw("rect", { x: i * width, y: 0, width,
            height: 40, "fill-opacity": 0.08 + 0.92 * (r.reads + r.writes) / most })));
          $("heat").replaceChildren(picture);
          const hot = table.regions.reduce((a, b) =>
            a.reads + a.writes >= b.reads + b.writes ? a : b);
          $("heat").setAttribute("aria-label", table.regions.length + " regions; the hottest begins"
            + " at " + (plain(hot.start) || "the first row"));
        }
        function showJobs(jobs, now) {
          fill("jobs", jobs.map((job) => {
            const c = job.counters || {}, mark = job.watermark;
            const known = typeof mark === "number" && Math.abs(mark) <= 8.64e15;
            return [job.job, job.state + (job.error ? ": " + job.error : ""), moment(mark),
              known ? whole((now - mark) / 1000) + " s" : "–", whole(c.records || 0),
              whole(c.late || 0), whole(c.bad || 0), whole(c.rows || 0)];
          }), "There are no jobs yet.");
          for (const job of jobs) showWindows(job.job).catch(() => {});
        }
        async function showWindows(name) {
          const answer = await ask("/v1/jobs/" + encodeURIComponent(name) + "/windows?limit=200");
          const list = (await answer.json()).windows.reverse();
          let figure = document.getElementById("chart " + name);
          if (!figure) {
            figure = make("figure", null, { id: "chart " + name });
            $("charts").append(figure);
          }
          const measure = list.length && Object.keys(list[0].values)
            .find((key) => !isNaN(Number(list[0].values[key])));
          const points = new Map();
          for (const w of list) {
            const value = Number(w.values[measure]);
            if (!isNaN(value)) points.set(w.end, (points.get(w.end) || 0) + value);
          }
          const title = points.size
            ? "Latest windows of " + name + ": " + measure + ", all keys together, by end"
            : "No windows of " + name + " yet";
          const picture = draw("svg", { viewBox: "0 0 1000 160", role: "img", "aria-label": title });
          const ends = [...points.keys()].sort((a, b) => a - b);
          const most = Math.max(1e-9, ...points.values());
          const at = (end, i) => [20 + 960 * (ends.length > 1 ? i / (ends.length - 1) : 0.5),
            130 - 110 * points.get(end) / most];
          const line = ends.map((end, i) => at(end, i).join(",")).join(" ");
          picture.append(draw("polyline", { points: line }));
          ends.forEach((end, i) => {
            const [cx, cy] = at(end, i);
            picture.append(draw("circle", { cx, cy, r: 3 }));
          });
          if (ends.length) {
            picture.append(draw("text", { x: 20, y: 152 }, moment(ends[0])),
              draw("text", { x: 980, y: 152, "text-anchor": "end" }, moment(ends.at(-1))),
              draw("text", { x: 20, y: 14 }, "most: " + whole(most)));
          }
          figure.replaceChildren(make("figcaption", title), picture);
        }

        """#
}
