using Matrix.Host.Storage;
using Matrix.Import.Runs;
using Matrix.Import.Sources;

namespace Matrix.Import.Verifying;

/// <summary>Makes the report of an import, by tables alone: it needs neither server.</summary>
internal sealed class Verification(SynapseSource source, InspectedStorage target)
{
    private const int FindingsAtOnce = 1_000;
    private const int Examples = 5;

    /// <summary>The differences that are named; beyond them only rooms are counted.</summary>
    private const int MostDifferences = 1_000;

    private const string RoomKind = "rooms";
    private const string EventKind = "events";

    /// <summary>The left-out events that are looked for in rooms; a source with more faults has rooms that differ.
    /// </summary>
    private const int MostEvents = 1_000_000;

    /// <summary>Compares everything.</summary>
    public async Task<VerifyReport> RunAsync(CancellationToken stop)
    {
        var kinds = new List<CarriedKind>();
        foreach (var part in await target.Imports.ProgressAsync(stop))
        {
            kinds.AddRange(PartCounts.Of(part.Counts).Kinds.Select(kind => new CarriedKind(
                part.Part, kind.Key, kind.Value.Read, kind.Value.Written, kind.Value.LeftOut)));
        }

        var (leftOut, rooms, events) = await LeftOutAsync(stop);
        var comparison = new RoomComparison(source, target, events);
        var differences = new List<RoomDifference>();
        var differing = 0L;
        var last = "";
        await foreach (var difference in comparison.DifferencesAsync(rooms, stop))
        {
            if (difference.RoomId != last) differing++;
            last = difference.RoomId;
            if (differences.Count < MostDifferences) differences.Add(difference);
        }

        return new VerifyReport(kinds, leftOut, comparison.Compared, differences, differing);
    }

    private async Task<(List<LeftOutKind> LeftOut, HashSet<string> Rooms, HashSet<string> Events)> LeftOutAsync(
        CancellationToken stop)
    {
        var counts = new SortedDictionary<(string Kind, string Reason), (long Count, List<string> Examples)>();
        var (rooms, events) = (new HashSet<string>(), new HashSet<string>());
        var (part, after) = ("", 0L);
        while (true)
        {
            var page = await target.Imports.FindingsAsync(part, after, FindingsAtOnce, stop);
            foreach (var finding in page)
            {
                if (finding.Kind == RoomKind) rooms.Add(finding.Subject);
                else if (finding.Kind == EventKind && events.Count < MostEvents) events.Add(finding.Subject);
                var (count, examples) = counts.GetValueOrDefault((finding.Kind, finding.Reason), (0, []));
                if (examples.Count < Examples) examples.Add(finding.Subject);
                counts[(finding.Kind, finding.Reason)] = (count + 1, examples);
            }

            if (page.Count < FindingsAtOnce) break;
            (part, after) = (page[^1].Part, page[^1].Seq);
        }

        return ([.. counts.Select(static each => new LeftOutKind(
            each.Key.Kind, each.Key.Reason, each.Value.Count, each.Value.Examples))], rooms, events);
    }
}
