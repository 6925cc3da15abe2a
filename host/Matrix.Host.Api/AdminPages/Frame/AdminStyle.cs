using Matrix.Host.Api.Pages;

namespace Matrix.Host.Api.AdminPages.Frame;

/// <summary>The style of the pages for administrators.</summary>
internal static class AdminStyle
{
    /// <summary>The style sheet.</summary>
    internal static PageStyle Sheet { get; } = new("""
        :root { color-scheme: light dark; font: .9375rem/1.5 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif;
            --ground: #f4f5f7; --panel: #fff; --text: #1a212b; --soft: #586474; --line: #e1e5ea; --edge: #c4cbd4;
            --accent: #1a5dc2; --on-accent: #fff; --tint: #e8f0fc; --bad: #b3261e; --bad-tint: #fbeae8;
            --good: #17733f; --good-tint: #e3f4e9; --warn: #855800; --warn-tint: #fbf0d8;
            --mono: ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace; }
        @media (prefers-color-scheme: dark) { :root {
            --ground: #0e1217; --panel: #161b22; --text: #e2e8ef; --soft: #97a4b3; --line: #262d37; --edge: #3d4855;
            --accent: #7fb2ff; --on-accent: #0b1524; --tint: #1a2a42; --bad: #ff9a92; --bad-tint: #3a1a19;
            --good: #79d69b; --good-tint: #12301e; --warn: #f0c060; --warn-tint: #33270c; } }
        * { box-sizing: border-box; }
        body { margin: 0; background: var(--ground); color: var(--text); overflow-wrap: anywhere; }
        a { color: var(--accent); text-decoration: none; }
        a:hover { text-decoration: underline; }
        :focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; border-radius: .2rem; }
        main:focus { outline: none; }
        .skip { position: absolute; left: -100rem; }
        .skip:focus { left: 1rem; top: .5rem; background: var(--panel); padding: .3rem .8rem; z-index: 1; }
        .top { display: flex; justify-content: space-between; align-items: center; gap: .25rem 1rem; flex-wrap: wrap;
            padding: .55rem 1.25rem; background: var(--panel); border-bottom: 1px solid var(--line); }
        .top form { display: flex; align-items: center; gap: .75rem; margin: 0; }
        .top button { white-space: nowrap; } .brand { color: inherit; }
        .brand span, .who { color: var(--soft); } .who { font-size: .87rem; }
        .columns { display: grid; grid-template-columns: 12.5rem minmax(0, 1fr); max-width: 88rem; margin: 0 auto; }
        .side { padding: 1.25rem 0 1.25rem 1.25rem; }
        nav ul { list-style: none; margin: 0; padding: 0; }
        nav li a { display: block; padding: .34rem .7rem; border-radius: .4rem; color: inherit; }
        nav li a:hover { background: var(--line); text-decoration: none; }
        nav li a[aria-current=page] { background: var(--tint); color: var(--accent); font-weight: 600; }
        .menu { display: none; }
        main { padding: 1.25rem 1.25rem 4rem 1.75rem; min-width: 0; }
        .above { margin: 0 0 .1rem; font-size: .87rem; } .above::before { content: "‹ "; color: var(--soft); }
        .title { display: flex; align-items: center; gap: .35rem .6rem; flex-wrap: wrap; margin-bottom: 1rem; }
        h1 { font-size: 1.4rem; line-height: 1.25; margin: 0; font-weight: 650; }
        h2 { font-size: 1.02rem; margin: 1.75rem 0 .6rem; font-weight: 650; }
        p { margin: .5rem 0; max-width: 46rem; }
        [role=alert], [role=status] { margin: 0; max-width: none; }
        [role=alert]:not(:empty), [role=status]:not(:empty) { padding: .55rem .9rem; border-radius: .45rem;
            margin: 0 0 1rem; font-weight: 550; }
        [role=alert]:not(:empty) { background: var(--bad-tint); color: var(--bad); }
        [role=status]:not(:empty) { background: var(--good-tint); color: var(--good); }
        .soft { color: var(--soft); } .note { color: var(--soft); font-size: .87rem; }
        code, .id { font: .84em/1.45 var(--mono); }
        .panel { background: var(--panel); border: 1px solid var(--line); border-radius: .6rem; }
        form.panel, div.panel.padded { padding: 1rem 1.1rem; }
        .narrow { max-width: 34rem; }
        table { width: 100%; border-collapse: collapse; font-size: .9rem; }
        caption { text-align: left; padding: .6rem .9rem .3rem; color: var(--soft); font-size: .84rem; }
        th, td { text-align: left; vertical-align: top; padding: .45rem .9rem; font-weight: 400;
            border-top: 1px solid var(--line); }
        thead th { border-top: 0; color: var(--soft); font-size: .8rem; font-weight: 550; vertical-align: bottom;
            padding-top: .3rem; }
        thead th a { color: inherit; white-space: nowrap; } thead th[aria-sort] a { color: var(--text); }
        th[aria-sort=ascending] a::after { content: " ↑"; } th[aria-sort=descending] a::after { content: " ↓"; }
        tbody tr:hover { background: color-mix(in srgb, var(--tint) 45%, transparent); }
        .number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
        td time, dd time { white-space: nowrap; font-variant-numeric: tabular-nums; }
        th small, td small { display: block; color: var(--soft); font-size: .93em; }
        td form, li form { display: inline; }
        .empty { padding: 1.4rem .9rem; color: var(--soft); margin: 0; }
        .badge { display: inline-block; padding: 0 .5rem; border-radius: 1rem; font-size: .78rem; line-height: 1.45rem;
            background: var(--line); color: var(--text); white-space: nowrap; }
        .badge.good { background: var(--good-tint); color: var(--good); }
        .badge.bad { background: var(--bad-tint); color: var(--bad); }
        .badge.warn { background: var(--warn-tint); color: var(--warn); }
        .badge.info { background: var(--tint); color: var(--accent); }
        .filters { display: flex; flex-wrap: wrap; gap: .5rem .75rem; align-items: end; margin: 0 0 1rem; }
        .filters label { flex: 0 1 auto; } .filters label.wide { flex: 1 1 14rem; max-width: 26rem; }
        label { display: block; font-size: .87rem; color: var(--soft); margin: 0 0 .75rem; }
        .filters label { margin: 0; }
        label.check { color: inherit; display: flex; gap: .5rem; align-items: baseline; }
        input:not([type=checkbox]), select, textarea { display: block; width: 100%; margin-top: .15rem;
            font: inherit; font-size: .94rem; color: var(--text); background: var(--panel); padding: .38rem .6rem;
            border: 1px solid var(--edge); border-radius: .4rem; height: 2.25rem; }
        textarea, textarea:not([type]) { height: 9rem; resize: vertical; }
        button, .button { display: inline-block; font: inherit; font-size: .9rem; font-weight: 550; cursor: pointer;
            padding: .36rem .85rem; min-height: 2.25rem; border-radius: .4rem; border: 1px solid var(--edge);
            background: var(--panel); color: var(--text); text-decoration: none; line-height: 1.4; }
        button:hover, .button:hover { border-color: var(--soft); text-decoration: none; }
        button.main, .button.main { background: var(--accent); border-color: var(--accent); color: var(--on-accent); }
        button.danger { background: var(--bad); border-color: var(--bad); color: var(--panel); }
        .button.danger { color: var(--bad); }
        button.quiet { border: 0; background: none; color: var(--accent); padding: 0; min-height: 0; }
        button.quiet:hover { text-decoration: underline; }
        button.quiet, a.quiet { font-weight: 500; font-size: inherit; line-height: inherit; margin-right: .6rem; }
        a.quiet.bad { color: var(--bad); }
        .buttons { display: flex; flex-wrap: wrap; gap: .5rem; align-items: center; margin: .75rem 0 0;
            max-width: none; }
        .buttons form { margin: 0; }
        .pages { display: flex; gap: 1rem; align-items: center; padding: .6rem .9rem; font-size: .87rem;
            color: var(--soft); border-top: 1px solid var(--line); margin: 0; max-width: none; }
        .pages a { font-weight: 550; }
        dl { margin: 0; } dt { color: var(--soft); font-size: .84rem; } dd { margin: 0; }
        .fields { display: grid; grid-template-columns: repeat(auto-fill, minmax(15rem, 1fr)); gap: .8rem 1.5rem;
            padding: 1rem 1.1rem; }
        .figures { display: grid; grid-template-columns: repeat(4, minmax(0, 1fr)); gap: .75rem; margin: 0 0 1rem; }
        .figures > div { background: var(--panel); border: 1px solid var(--line); border-radius: .6rem;
            padding: .7rem .95rem; }
        .figures dd { font-size: 1.5rem; font-weight: 600; line-height: 1.35; font-variant-numeric: tabular-nums; }
        .figures dd.more { font-size: .84rem; font-weight: 400; color: var(--soft); }
        .figures .bad dd:first-of-type { color: var(--bad); }
        .chart { display: block; width: 100%; height: 5.5rem; } .chart path { fill: var(--tint); }
        .chart polyline { fill: none; stroke: var(--accent); stroke-width: 1.5; vector-effect: non-scaling-stroke; }
        progress { display: block; width: 100%; max-width: 14rem; height: .5rem; margin-top: .3rem;
            accent-color: var(--accent); }
        .tabs { display: flex; flex-wrap: wrap; gap: 0 1.1rem; border-bottom: 1px solid var(--line); margin: 0 0 1rem; }
        .tabs a { padding: .35rem 0; color: var(--soft); border-bottom: 2px solid transparent; margin-bottom: -1px; }
        .tabs a[aria-current] { color: var(--text); font-weight: 550; border-color: var(--accent); }
        pre { margin: 0; padding: .9rem 1.1rem; font: .82rem/1.5 var(--mono); white-space: pre-wrap; }
        summary { cursor: pointer; } .row { padding: .5rem .9rem; border-top: 1px solid var(--line); }
        .row:first-child { border-top: 0; } .panel > .note:last-child { margin-bottom: 0; }
        @media (max-width: 56rem) {
            .columns { display: block; } .side { display: none; } .top { padding: .5rem 1rem; }
            .top form { flex: 1 0 100%; justify-content: space-between; } th code { white-space: nowrap; }
            td time { white-space: normal; display: inline-block; min-width: 5.4rem; }
            .menu { display: block; background: var(--panel); border-bottom: 1px solid var(--line); }
            .menu summary { padding: .5rem 1rem; } .menu summary span { color: var(--soft); }
            .menu nav { padding: 0 .5rem .6rem; } main { padding: 1rem 1rem 3rem; }
            .optional { display: none; } th, td { padding: .45rem .7rem; } caption, .pages { padding-inline: .7rem; }
            .figures { grid-template-columns: repeat(2, minmax(0, 1fr)); gap: .5rem; }
        }
        """ + GraphStyle);

    /// <summary>The style of a room's drawn graph. Its rows are as high as those of the drawing.</summary>
    private const string GraphStyle = """
        .graph { display: flex; padding: .5rem .9rem .5rem .5rem; }
        .graph svg { flex: none; } .graph ol { flex: 1; list-style: none; margin: 0; padding: 0; min-width: 0; }
        .graph li { height: 40px; line-height: 1.25; display: flex; gap: .6rem; align-items: center;
            font-size: .87rem; overflow: hidden; }
        .graph li > span:first-child { min-width: 0; }
        .graph li b, .graph li small { display: block; white-space: nowrap; overflow: hidden; text-overflow: ellipsis; }
        .graph li b { font-weight: 550; } .graph li small { color: var(--soft); }
        .graph path { fill: none; stroke: var(--edge); stroke-width: 1.6; } .graph path.faint { stroke-dasharray: 3 3; }
        .graph .message { fill: var(--panel); stroke: var(--accent); stroke-width: 1.6; }
        .graph .state { fill: var(--accent); } .graph .refused { fill: var(--bad); }
        .graph .newest { fill: none; stroke: var(--good); stroke-width: 1.6; }
        """;
}
