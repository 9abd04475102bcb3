/// The rest of the dashboard's script: rows are browsed and changed, and all is set going.
enum DashboardRows {
    static let text = #"""
        function openTable(name, overview) {
          shownTable = name;
          $("table").hidden = false;
          history.replaceState(null, "", "#table=" + encodeURIComponent(name));
          $("table-title").textContent = "Table " + name;
          $("table-title").focus();
          showRegions(overview.tables.find((table) => table.name === name));
          browse($("start").value).catch(told);
        }
        function told(error) { $("edited").textContent = "Not done: " + error.message; }
        const rowsPath = () => "/v1/tables/" + encodeURIComponent(shownTable) + "/rows";
        async function browse(start) {
          const query = new URLSearchParams({ limit: 50 });
          if (start) query.set("start", start);
          if ($("where").value) query.set("where", $("where").value);
          const text = await (await ask(rowsPath() + "?" + query)).text();
          const lines = text.split("\n").filter(Boolean).map((line) => JSON.parse(line));
          const next = lines.length && lines.at(-1).next !== undefined ? lines.pop().next : null;
          $("more").hidden = typeof next !== "string";
          $("more").onclick = () => browse(next).catch(told);
          fill("rows", lines.map((line) => {
            const columns = make("div");
            for (const name in line.columns) {
              const value = plain(line.columns[name]);
              const entry = make("div");
              if (typeof line.columns[name] === "string" && typeof line.row === "string") {
                const edit = make("button", name, { class: "link", type: "button",
                  "aria-label": "Edit " + name + " of " + line.row });
                edit.addEventListener("click", () => {
                  $("row").value = line.row; $("column").value = name; $("value").value = value;
                  $("value").focus();
                });
                entry.append(edit);
              } else {
                entry.append(make("code", name));
              }
              entry.append(" = ", make("code", value));
              columns.append(entry);
            }
            const remove = make("button", "Delete", { type: "button",
              "aria-label": "Delete row " + plain(line.row) });
            remove.disabled = typeof line.row !== "string";
            remove.addEventListener("click", async () => {
              if (!confirm("Delete the row " + line.row + "?")) return;
              change("DELETE", line.row);
            });
            return [make("code", plain(line.row)), columns, remove];
          }), "There are no such rows.");
        }
        async function change(method, row, body) {
          try {
            await ask(rowsPath() + "/" + encodeURIComponent(row), { method, body });
            $("edited").textContent = (method === "PUT" ? "Written: " : "Deleted: ") + row;
            await browse($("start").value);
          } catch (error) { told(error); }
        }
        async function look() {
          try {
            const overview = await (await ask("/v1/overview")).json();
            show(overview);
            const wanted = location.hash.startsWith("#table=")
              ? decodeURIComponent(location.hash.slice(7)) : null;
            if (shownTable === null && overview.tables.some((table) => table.name === wanted)) {
              openTable(wanted, overview);
            }
            $("login").hidden = true;
            $("state").textContent = "Live";
          } catch (error) {
            $("state").textContent = "No answer: " + error.message;
          }
          setTimeout(look, 2000);
        }
        $("login").addEventListener("submit", (event) => {
          event.preventDefault();
          sessionStorage.setItem("token", $("token").value);
          $("token").value = "";
        });
        $("find").addEventListener("submit", (event) => {
          event.preventDefault();
          browse($("start").value).catch(told);
        });
        $("edit").addEventListener("submit", (event) => {
          event.preventDefault();
          change("PUT", $("row").value,
            JSON.stringify({ [$("column").value]: $("value").value }));
        });
        look();
        """#
}
