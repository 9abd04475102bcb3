/// The style sheet of reports.
enum ReportStyle {
    static let text = """
        :root { --back: #fff; --text: #1d2433; --soft: #5a6478; --line: #e1e5ec; --base: #9aa3b2;
          --c1: #0b5cad; --c2: #c2571a; --c3: #1a7f5a; --c4: #8a3fa0; --c5: #a8324a; --c6: #7a6a00;
          --c7: #0a7d8c; --c8: #5b5f97; }
        @media (prefers-color-scheme: dark) {
          :root { --back: #14181f; --text: #e6e9ef; --soft: #a3adbf; --line: #2c333f; --base: #6b7688;
            --c1: #7db8f5; --c2: #f0a06a; --c3: #6fd0a6; --c4: #cf9be0; --c5: #f08fa2; --c6: #d9c75a;
            --c7: #6fd3e0; --c8: #aeb2ea; }
        }
        * { box-sizing: border-box; }
        body { margin: 0; background: var(--back); color: var(--text);
          font: 16px/1.5 system-ui, sans-serif; }
        main { max-width: 62rem; margin: 0 auto; padding: 1.5rem 1rem 3rem; }
        h1 { font-size: 1.7rem; line-height: 1.25; margin: 0 0 .6rem; }
        h2 { font-size: 1.2rem; margin: 0 0 .5rem; }
        section { margin: 2.2rem 0 0; }
        .summary { margin: 0; max-width: 48rem; }
        .note, footer, .none { color: var(--soft); font-size: .85rem; margin: .3rem 0 0; }
        footer { margin-top: 2.5rem; border-top: 1px solid var(--line); padding-top: .6rem; }
        svg { width: 100%; height: auto; display: block; }
        svg text { fill: var(--soft); font: 12px system-ui, sans-serif; }
        svg text.name { fill: var(--text); }
        svg text.value { fill: var(--text); font-variant-numeric: tabular-nums; }
        svg .grid { stroke: var(--line); }
        svg .base, svg .mark { stroke: var(--base); }
        svg polyline { fill: none; stroke: currentColor; stroke-width: 1.6; stroke-linejoin: round; }
        svg .band { fill: currentColor; opacity: .18; }
        svg circle, svg rect { fill: currentColor; }
        .c1 { color: var(--c1); } .c2 { color: var(--c2); } .c3 { color: var(--c3); }
        .c4 { color: var(--c4); } .c5 { color: var(--c5); } .c6 { color: var(--c6); }
        .c7 { color: var(--c7); } .c8 { color: var(--c8); }
        .legend { display: flex; flex-wrap: wrap; gap: .2rem 1.2rem; list-style: none; margin: 0 0 .4rem;
          padding: 0; font-size: .9rem; }
        .legend li::before { content: ""; display: inline-block; width: 1.4em; height: .25em;
          margin-right: .45em; vertical-align: .2em; border-radius: 2px; background: currentColor; }
        .split { display: grid; grid-template-columns: repeat(auto-fill, minmax(24rem, 1fr)); gap: 1rem 1.5rem; }
        figure { margin: 0; min-width: 0; }
        figcaption { font-size: .85rem; overflow-wrap: anywhere; }
        table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
        th, td { text-align: left; padding: .3rem .6rem; border-bottom: 1px solid var(--line);
          overflow-wrap: anywhere; }
        thead th { color: var(--soft); font-size: .85rem; vertical-align: bottom; }
        tbody th { font-weight: 500; }
        .number { text-align: right; }
        @media print { section { break-inside: avoid; } }
        """
}
