using System.Globalization;
using System.Text.Json;

namespace Matrix.LoadGen.Reporting;

/// <summary>Prints a JSON line for each workload and server as it ends, and a table at the end.</summary>
internal sealed class Report(TextWriter output)
{
    private readonly List<(string Workload, string Server, Figures Figures)> _rows = [];

    public void Add(string workload, string server, Figures figures)
    {
        _rows.Add((workload, server, figures));
        var line = new Dictionary<string, object> { ["workload"] = workload, ["server"] = server };
        foreach (var (name, value) in figures.All)
        {
            line[name] = double.IsFinite(value) ? Math.Round(value, 4) : "none";
        }

        output.WriteLine(JsonSerializer.Serialize(line));
        output.Flush();
    }

    public void Table()
    {
        var servers = _rows.Select(r => r.Server).Distinct().ToList();
        var lines = _rows
            .SelectMany(r => r.Figures.All.Select(f => (Label: $"{r.Workload} {f.Key}", r.Server, f.Value)))
            .GroupBy(f => f.Label)
            .Select(g => (g.Key, Cells: servers.Select(s => Cell(g, s)).ToList()))
            .ToList();
        if (lines.Count == 0)
        {
            return;
        }

        var first = lines.Max(l => l.Key.Length);
        var width = Math.Max(12, servers.Max(s => s.Length));
        output.WriteLine();
        output.WriteLine("".PadRight(first) + string.Concat(servers.Select(s => "  " + s.PadLeft(width))));
        foreach (var (label, cells) in lines)
        {
            output.WriteLine(label.PadRight(first) + string.Concat(cells.Select(c => "  " + c.PadLeft(width))));
        }
    }

    private static string Cell(IEnumerable<(string Label, string Server, double Value)> figures, string server)
    {
        foreach (var figure in figures)
        {
            if (figure.Server == server)
            {
                return figure.Value.ToString("0.###", CultureInfo.InvariantCulture);
            }
        }

        return "-";
    }
}
