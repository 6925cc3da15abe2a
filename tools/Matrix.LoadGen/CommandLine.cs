using System.Globalization;
using Matrix.LoadGen.Http;
using Matrix.LoadGen.Servers;
using Matrix.LoadGen.Workloads;

namespace Matrix.LoadGen;

/// <summary>The command line's options, and the help.</summary>
internal sealed record CommandLine(IReadOnlyList<Server> Servers, IReadOnlyList<IWorkload> Workloads, Settings Settings)
{
    public static string Help { get; } = $"""
        matrix-loadgen: drives Matrix homeservers on this machine and measures them.

          --server NAME=URL      a homeserver in 127.0.0.0/8; repeat it to compare several
          --floor NAME=URL       a floor server (see docs/performance.md)
          --secret [NAME=]TEXT   the shared secret to create users with
          --tokens [NAME=]FILE   existing users instead, as lines '@user:server token'
          --pid NAME=ID          the server's process, for CPU and memory
          --data NAME=FOLDER     the folder of the server's database, for growth
          --workload A,B         the workloads to run, in this order (default: all)
          --slices N  --requests N  --seconds S  --events N  --rooms SMALL,BIG

        {string.Join(Environment.NewLine, Catalogue.All.Select(w => $"  {w.Name,-17} {w.Sentence}"))}
        """;

    public static CommandLine Parse(IReadOnlyList<string> arguments)
    {
        var given = Pairs(arguments).ToList();
        var servers = given.Where(g => g.Option is "server" or "floor").Select(g => Read(g.Option, g.Value, given))
            .ToList();
        if (servers.Count == 0)
        {
            throw new UsageException("Name a server: --server NAME=http://127.0.0.1:8008");
        }

        var workloads = given.Where(g => g.Option == "workload").SelectMany(g => g.Value.Split(','))
            .Select(Catalogue.Named).ToList();
        var settings = new Settings();
        settings = settings with
        {
            Slices = Number(given, "slices", settings.Slices, 1, 100),
            RequestsPerSlice = Number(given, "requests", settings.RequestsPerSlice, 4, 100_000),
            SecondsPerSlice = Number(given, "seconds", (int)settings.SecondsPerSlice, 1, 60),
            GrowthEvents = Number(given, "events", settings.GrowthEvents, 1, 1_000_000),
            BigRoom = Last(given, "rooms", name: null) is { } rooms ? (rooms.Split(',')[0], rooms.Split(',')[^1])
            : null,
        };
        return new CommandLine(servers, workloads.Count > 0 ? workloads : Catalogue.All, settings);
    }

    private static IEnumerable<(string Option, string Value)> Pairs(IReadOnlyList<string> arguments)
    {
        string[] known = [
            "server", "floor", "secret", "tokens", "pid", "data", "workload", "slices", "requests", "seconds", "events",
            "rooms"];
        for (var i = 0; i < arguments.Count; i += 2)
        {
            var option = arguments[i].StartsWith("--", StringComparison.Ordinal) ? arguments[i][2..] : "";
            if (!known.Contains(option))
            {
                throw new UsageException($"'{arguments[i]}' is not an option; --help lists them.");
            }

            yield return i + 1 < arguments.Count
                ? (option, arguments[i + 1])
                : throw new UsageException($"{arguments[i]} needs a value.");
        }
    }

    private static Server Read(string option, string value, List<(string Option, string Value)> given)
    {
        var (name, url) = Split(value) ?? throw new UsageException($"--{option}: expected NAME=URL, found '{value}'.");
        var tokens = Last(given, "tokens", name) is { } file ? ReadTokens(file) : [];
        var pid = Last(given, "pid", name);
        return new Server(
            name,
            option == "floor" ? ServerKind.Floor : ServerKind.Homeserver,
            Target.Parse(url),
            Last(given, "secret", name),
            tokens,
            pid is null ? null : int.Parse(pid, CultureInfo.InvariantCulture),
            Last(given, "data", name));
    }

    private static List<GivenToken> ReadTokens(string file) =>
        [.. File.ReadLines(file).Select(l => l.Split(' ', 2)).Where(p => p.Length == 2)
            .Select(p => new GivenToken(p[0], p[1].Trim()))];

    private static (string Name, string Value)? Split(string text) =>
        text.IndexOf('=') is > 0 and var at ? (text[..at], text[(at + 1)..]) : null;

    /// <summary>An option's last value, for this server if it names one.</summary>
    private static string? Last(List<(string Option, string Value)> given, string option, string? name)
    {
        string? found = null;
        foreach (var (_, value) in given.Where(g => g.Option == option))
        {
            if (name is not null && Split(value) is { } pair)
            {
                found = pair.Name == name ? pair.Value : found;
            }
            else
            {
                found = value;
            }
        }

        return found;
    }

    private static int Number(
        List<(string Option, string Value)> given, string option, int otherwise, int least, int most)
    {
        var text = Last(given, option, name: null);
        if (text is null)
        {
            return otherwise;
        }

        return int.TryParse(text, CultureInfo.InvariantCulture, out var number) && number >= least && number <= most
            ? number
            : throw new UsageException($"--{option}: expected a number from {least} to {most}, found '{text}'.");
    }
}
