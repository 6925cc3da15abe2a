using System.Globalization;
using Matrix.LoadGen.Reporting;
using Matrix.LoadGen.Users;

namespace Matrix.Benchmarks.Users;

/// <summary>What a server did and used in all its turns.</summary>
internal sealed class UsersFigures
{
    public Operations Operations { get; } = new();

    /// <summary>How late the load began actions.</summary>
    public Durations Late { get; } = new();

    public double Seconds { get; set; }

    /// <summary>Processor time in milliseconds.</summary>
    public double Server { get; set; }

    public double Database { get; set; }

    public double Load { get; set; }

    /// <summary>Memory at the end, in megabytes.</summary>
    public double ServerMegabytes { get; set; }

    public double DatabaseMegabytes { get; set; }
}

/// <summary>Prints the table.</summary>
internal static class UsersReport
{
    private const int Column = 24;

    public static void Write(
        TextWriter output, IReadOnlyList<(string Name, UsersFigures Figures)> servers, int people)
    {
        output.WriteLine();
        Line("p50 / p99 in ms, and how many", servers.Select(static each => each.Name));
        foreach (var operation in servers.SelectMany(static each => each.Figures.Operations.Times.Keys).Distinct()
            .Order(StringComparer.Ordinal))
        {
            Line(operation, servers.Select(each => each.Figures.Operations.Times.GetValueOrDefault(operation)
                is { } times
                    ? $"{Number(times.Percentile(50))} / {Number(times.Percentile(99))}  ({times.Count})"
                    : "-"));
        }

        Line("failed", servers.Select(static each => each.Figures.Operations.Failed.Values.Sum().ToString(
            CultureInfo.InvariantCulture)));
        Line("server, processors", servers.Select(
            static each => Number(each.Figures.Server / each.Figures.Seconds / 1000)));
        Line("database, processors", servers.Select(
            static each => Number(each.Figures.Database / each.Figures.Seconds / 1000)));
        Line("server, ms for a user in a minute", servers.Select(
            each => Number(each.Figures.Server / each.Figures.Seconds * 60 / people)));
        Line("database, ms for a user in a minute", servers.Select(
            each => Number(each.Figures.Database / each.Figures.Seconds * 60 / people)));
        Line("server, memory for a user in KB", servers.Select(
            each => Number(each.Figures.ServerMegabytes * 1024 / people)));
        Line("server, memory in MB", servers.Select(static each => Number(each.Figures.ServerMegabytes)));
        Line("database, memory in MB", servers.Select(static each => Number(each.Figures.DatabaseMegabytes)));
        Line("load, processors", servers.Select(
            static each => Number(each.Figures.Load / each.Figures.Seconds / 1000)));
        Line("load, began an action late by p99 ms", servers.Select(
            static each => Number(each.Figures.Late.Percentile(99))));
        foreach (var (name, figures) in servers)
        {
            foreach (var problem in figures.Operations.Problems) output.WriteLine($"{name}: {problem}");
        }

        void Line(string what, IEnumerable<string> cells) => output.WriteLine(
            what.PadRight(38) + string.Concat(cells.Select(static each => each.PadLeft(Column))));
    }

    private static string Number(double value) =>
        value.ToString(value >= 100 ? "0" : value >= 10 ? "0.#" : "0.##", CultureInfo.InvariantCulture);
}
