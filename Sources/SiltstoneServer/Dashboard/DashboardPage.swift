/// The dashboard's page.
enum DashboardPage {
    static let text = #"""
        <!doctype html>
        <html lang="en">
        <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <meta name="color-scheme" content="light dark">
        <title>Siltstone</title>
        <link rel="stylesheet" href="/ui/style.css">
        <script src="/ui/script.js" defer></script>
        </head>
        <body>
        <a class="skip" href="#main">Skip to content</a>
        <header>
        <h1>Siltstone</h1>
        <p id="state" role="status" aria-live="polite">Connecting…</p>
        <form id="login" hidden>
        <label>Token <input id="token" type="password" autocomplete="off"></label>
        <button>Use</button>
        </form>
        </header>
        <main id="main">
        <section aria-labelledby="now-title">
        <h2 id="now-title">Now</h2>
        <dl id="now" class="tiles"></dl>
        </section>
        <section aria-labelledby="latency-title">
        <h2 id="latency-title">Latencies</h2>
        <table id="latencies"><thead><tr><th scope="col">Call</th><th scope="col">Median</th>
        <th scope="col">p99</th><th scope="col">Longest</th><th scope="col">Timed</th></tr></thead>
        <tbody></tbody></table>
        </section>
        <section aria-labelledby="tables-title">
        <h2 id="tables-title">Tables</h2>
        <table id="tables"><thead><tr><th scope="col">Table</th><th scope="col">Regions</th>
        <th scope="col">Cells</th><th scope="col">Files</th><th scope="col">Memory</th>
        <th scope="col">Reads/s</th><th scope="col">Writes/s</th></tr></thead>
        <tbody></tbody></table>
        <div id="table" hidden>
        <h3 id="table-title" tabindex="-1"></h3>
        <p>Heat over the key space: the stronger a region's colour, the more it is used.</p>
        <div id="heat" role="img"></div>
        <table id="regions"><thead><tr><th scope="col">From row</th><th scope="col">To row</th>
        <th scope="col">Cells</th><th scope="col">Files</th><th scope="col">Memory</th>
        <th scope="col">Reads</th><th scope="col">Writes</th></tr></thead>
        <tbody></tbody></table>
        <h4>Rows</h4>
        <form id="find">
        <label>From row <input id="start"></label>
        <label>Where <input id="where" placeholder="cf:age &gt;= 18 and cf:city = 'Ulm'"></label>
        <button>Show</button>
        </form>
        <table id="rows"><thead><tr><th scope="col">Row</th><th scope="col">Columns</th>
        <th scope="col">Action</th></tr></thead><tbody></tbody></table>
        <button id="more" type="button" hidden>More rows</button>
        <h4>Change a row</h4>
        <form id="edit">
        <label>Row <input id="row" required></label>
        <label>Column <input id="column" required placeholder="family:qualifier"></label>
        <label>Value <input id="value"></label>
        <button>Write</button>
        </form>
        <p id="edited" role="status" aria-live="polite"></p>
        </div>
        </section>
        <section aria-labelledby="jobs-title">
        <h2 id="jobs-title">Jobs</h2>
        <table id="jobs"><thead><tr><th scope="col">Job</th><th scope="col">State</th>
        <th scope="col">Watermark</th><th scope="col">Lag</th><th scope="col">Records</th>
        <th scope="col">Late</th><th scope="col">Bad</th><th scope="col">Rows</th></tr></thead>
        <tbody></tbody></table>
        <h3>Alerts</h3>
        <table id="alerts"><thead><tr><th scope="col">Alert</th><th scope="col">Job</th>
        <th scope="col">Key</th><th scope="col">State</th><th scope="col">Since (event time)</th></tr>
        </thead><tbody></tbody></table>
        <h3>Windows</h3>
        <div id="charts"></div>
        </section>
        </main>
        </body>
        </html>
        """#
}
