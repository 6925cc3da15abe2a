using System.Globalization;
using Orleans.Runtime;

namespace Matrix.Host.Cluster.Membership;

/// <summary>Votes that a silo is dead, as they are stored: a line with the time in ticks and the voter.</summary>
internal static class VoteText
{
    public static string Of(IEnumerable<Tuple<SiloAddress, DateTime>>? votes) => votes is null
        ? ""
        : string.Join('\n', votes.Select(static vote =>
            string.Create(CultureInfo.InvariantCulture, $"{vote.Item2.Ticks} {vote.Item1.ToParsableString()}")));

    public static List<Tuple<SiloAddress, DateTime>> Parse(string text) =>
    [
        .. text.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(static line =>
        {
            var space = line.IndexOf(' ', StringComparison.Ordinal);
            var ticks = long.Parse(line.AsSpan(0, space), NumberStyles.None, CultureInfo.InvariantCulture);
            return Tuple.Create(
                SiloAddress.FromParsableString(line[(space + 1)..]), new DateTime(ticks, DateTimeKind.Utc));
        }),
    ];
}
