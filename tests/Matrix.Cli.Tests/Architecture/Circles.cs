namespace Matrix.Cli.Tests.Architecture;

/// <summary>Arrows that lead back to where they begin.</summary>
internal static class Circles
{
    /// <summary>Those that lie on a way from themselves to themselves.</summary>
    public static List<string> Among(IReadOnlyDictionary<string, HashSet<string>> arrows) =>
        [.. arrows.Keys.Where(name => Leads(arrows, name, name, [])).Order()];

    private static bool Leads(
        IReadOnlyDictionary<string, HashSet<string>> arrows, string from, string to, HashSet<string> seen) =>
        arrows.GetValueOrDefault(from, []).Any(next => next == to || (seen.Add(next) && Leads(arrows, next, to, seen)));
}
