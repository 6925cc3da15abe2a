using System.Diagnostics;
using System.Text.Json;
using static Matrix.ClusterFaults.Load.Person;

namespace Matrix.ClusterFaults.Load;

/// <summary>
/// What has to be true at another server after a round: it has the same events, each once, and the same state. It may
/// have them in another order.
/// </summary>
internal sealed class VisitorChecks(Visit visit, Person member)
{
    private static readonly TimeSpan _lookAgain = TimeSpan.FromMilliseconds(100);

    private readonly List<string> _problems = [];
    private readonly Person _visitor = visit.Reader.Person;

    /// <summary>Checks all, and returns what is wrong.</summary>
    public async Task<IReadOnlyList<string>> CheckAsync()
    {
        foreach (var room in visit.Rooms)
        {
            var ours = await HistoryAsync(member, room);
            Compare($"the history of {room} at {visit.Server.What}", ours, await VisitorsHistoryAsync(room, ours));
            await CheckStateAsync(room);
            if (!visit.Server.IsSyncJudged) continue;
            Compare($"what the visitor of {visit.Server.What} got of {room}", ours, visit.Reader.Timelines.Of(room));
        }

        return _problems;
    }

    /// <summary>The history at the other server, once all is there, or the patience is over.</summary>
    private async Task<IReadOnlyList<string>> VisitorsHistoryAsync(string room, IReadOnlyList<string> expected)
    {
        for (var watch = Stopwatch.StartNew(); ; await Task.Delay(_lookAgain))
        {
            var found = await HistoryAsync(_visitor, room);
            if (watch.Elapsed > RoomLoad.Patience || !expected.Except(found).Any()) return found;
        }
    }

    private void Compare(string what, IReadOnlyList<string> expected, IReadOnlyList<string> found)
    {
        var (lost, more) = (expected.Except(found).Count(), found.Except(expected).Count());
        var twice = found.Count - found.Distinct().Count();
        if (lost + more + twice > 0) _problems.Add($"{what} lacks {lost} events, has {more} more, and {twice} twice");
    }

    private async Task CheckStateAsync(string room)
    {
        for (var watch = Stopwatch.StartNew(); ; await Task.Delay(_lookAgain))
        {
            var (ours, theirs) = (await StateAsync(member, room), await StateAsync(_visitor, room));
            if (ours.SetEquals(theirs)) return;
            if (watch.Elapsed < RoomLoad.Patience) continue;
            _problems.Add($"the state of {room} at {visit.Server.What} lacks {string.Join(' ', ours.Except(theirs))}, "
                + $"and has {string.Join(' ', theirs.Except(ours))}");
            return;
        }
    }

    private static async Task<HashSet<string>> StateAsync(Person person, string room) =>
        [.. (await person.ReadAsync($"rooms/{Esc(room)}/state")).EnumerateArray().Select(Timelines.IdOf)];

    private static async Task<IReadOnlyList<string>> HistoryAsync(Person person, string room)
    {
        var events = new List<JsonElement>();
        for (string? token = ""; token is not null;)
        {
            var from = token.Length == 0 ? "" : $"&from={Esc(token)}";
            var page = await person.ReadAsync($"rooms/{Esc(room)}/messages?dir=b&limit=500{from}");
            events.AddRange(page.GetProperty("chunk").EnumerateArray());
            token = page.TryGetProperty("end", out var end) ? end.GetString() : null;
        }

        return [.. events.Where(Timelines.IsOfLoad).Select(Timelines.IdOf)];
    }
}
