/// The dashboard's style sheet.
enum DashboardStyle {
    static let text = #"""
        :root { --back: #fff; --text: #1d2433; --soft: #5a6478; --line: #d5dae3; --tile: #f3f5f9;
          --mark: #0b5cad; }
        @media (prefers-color-scheme: dark) {
          :root { --back: #14181f; --text: #e6e9ef; --soft: #a3adbf; --line: #333b49;
            --tile: #1e242e; --mark: #7db8f5; }
        }
        * { box-sizing: border-box; }
        body { margin: 0 auto; max-width: 72rem; padding: 1rem; background: var(--back);
          color: var(--text); font: 16px/1.45 system-ui, sans-serif; }
        header { display: flex; flex-wrap: wrap; gap: 1rem; align-items: baseline;
          border-bottom: 1px solid var(--line); }
        h1 { font-size: 1.5rem; margin: .3rem 0; }
        h2 { font-size: 1.2rem; margin: 1.6rem 0 .5rem; }
        h3, h4 { margin: 1.2rem 0 .4rem; }
        .skip { position: absolute; left: -99rem; }
        .skip:focus { left: 1rem; }
        .tiles { display: grid; grid-template-columns: repeat(auto-fill, minmax(10rem, 1fr));
          gap: .6rem; margin: 0; }
        .tiles div { background: var(--tile); border-radius: .4rem; padding: .5rem .7rem; }
        .tiles dt { color: var(--soft); font-size: .85rem; }
        .tiles dd { margin: 0; font-size: 1.25rem; font-variant-numeric: tabular-nums; }
        table { border-collapse: collapse; width: 100%; }
        th, td { text-align: left; padding: .3rem .5rem; border-bottom: 1px solid var(--line);
          overflow-wrap: anywhere; vertical-align: top; font-variant-numeric: tabular-nums; }
        thead th { color: var(--soft); font-weight: 600; font-size: .85rem; }
        td.empty { color: var(--soft); }
        code { font: .9em ui-monospace, monospace; }
        button, input { font: inherit; color: inherit; background: var(--tile);
          border: 1px solid var(--soft); border-radius: .3rem; padding: .25rem .6rem; }
        button { cursor: pointer; }
        button.link { border: 0; background: none; padding: 0; color: var(--mark);
          text-decoration: underline; }
        :focus-visible { outline: 3px solid var(--mark); outline-offset: 2px; }
        form { display: flex; flex-wrap: wrap; gap: .6rem; margin: .4rem 0; align-items: end; }
        label { color: var(--soft); }
        [hidden] { display: none; }
        #heat svg { width: 100%; height: 2.2rem; display: block; }
        #heat rect { fill: var(--mark); stroke: var(--line); }
        #charts svg { width: 100%; height: 10rem; background: var(--tile); border-radius: .4rem; }
        #charts polyline { fill: none; stroke: var(--mark); stroke-width: 2; }
        #charts circle { fill: var(--mark); }
        #charts text { fill: var(--soft); font-size: 11px; }
        """#
}
