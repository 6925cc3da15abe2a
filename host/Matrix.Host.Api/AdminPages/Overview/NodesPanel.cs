using Matrix.Host.Api.Admin.Server;
using Matrix.Host.Api.AdminPages.Frame;
using Matrix.Host.Api.Pages;

namespace Matrix.Host.Api.AdminPages.Overview;

/// <summary>The nodes of a server of several, as the one that made the page knows them.</summary>
internal static class NodesPanel
{
    private static readonly Column[] _columns =
    [
        new("Node"),
        new("State"),
        new("Shards") { IsNumber = true },
        new("Behind") { IsNumber = true },
        new("Position") { IsNumber = true, IsOptional = true },
        new("Clock") { IsNumber = true, IsOptional = true },
        new("Version") { IsOptional = true },
        new("Settings that differ"),
    ];

    /// <summary>The table; nothing for a server by itself.</summary>
    internal static Html Of(IClusterControl? cluster)
    {
        if (cluster is null) return Html.Empty;
        var without = cluster.ShardsWithoutNode;
        return Html.Of($"""
            <h2>Nodes</h2>
            {DataTable.Of("Nodes of this server", _columns, [.. cluster.Nodes.Select(RowOf)], "No node is alive.")}
            {(without == 0
                ? Html.Empty
                : Html.Of($"""<p class="note">{Format.Badge("bad", $"{without} shards have no node")}</p>"""))}
            """);
    }

    private static Html[] RowOf(NodeState node) =>
    [
        Html.Of($"""{node.Name} {Format.BadgeIf(node.IsThis, "info", "this one")}"""),
        Format.Badge(node.State switch { "ready" => "good", "clock differs" => "bad", _ => "warn" }, node.State),
        Html.Of($"{node.Shards}"),
        Format.TextOr(node.Behind is { } behind ? Format.Count(behind) : null),
        Format.TextOr(node.Position is { } position ? Format.Count(position) : null),
        Format.TextOr(node.ClockAhead is { } ahead ? $"{Format.Count(ahead)} ms" : null),
        Format.TextOr(node.Version),
        node.Differing.Count == 0
            ? Format.TextOr(null, "none")
            : Format.Badge("warn", string.Join(", ", node.Differing)),
    ];
}
