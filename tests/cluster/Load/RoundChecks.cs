using System.Text.Json;
using Matrix.ClusterNodes;
using static Matrix.ClusterFaults.Load.Person;

namespace Matrix.ClusterFaults.Load;

/// <summary>
/// What has to be true after a round, as asked at each node: every acknowledged event is there once, in one order, and
/// all that is counted or kept of it is the same.
/// </summary>
internal sealed class RoundChecks(
    Cluster cluster, IReadOnlyList<string> rooms, Person reader, Acknowledged acknowledged)
{
    private readonly List<string> _problems = [];
    private readonly Dictionary<string, IReadOnlyList<JsonElement>> _histories = [];

    /// <summary>Checks all, and returns what is wrong.</summary>
    public async Task<IReadOnlyList<string>> CheckAsync(
        IEnumerable<Person> writers, IReadOnlyList<SyncReader> readers, IReadOnlyList<SlidingReader> sliders)
    {
        foreach (var node in cluster.Nodes)
        {
            using var traffic = new Traffic([node.Url]);
            await CheckHistoriesAsync(node, reader.By(traffic));
            await CheckStatesAsync(node, reader.By(traffic));
            foreach (var one in readers) await CheckUnreadAsync(node, one.Person.By(traffic));
            foreach (var writer in writers) await CheckAccountDataAsync(node, writer.By(traffic));
        }

        CheckEvents();
        foreach (var one in (Reader[])[.. readers, .. sliders]) CheckTimelines(one);
        CheckToDevice(readers);
        return _problems;
    }

    /// <summary>The history is the same at all nodes.</summary>
    private async Task CheckHistoriesAsync(Node node, Person asker)
    {
        foreach (var room in rooms)
        {
            var history = new List<JsonElement>();
            for (string? token = ""; token is not null;)
            {
                var from = token.Length == 0 ? "" : $"&from={Esc(token)}";
                var page = await asker.ReadAsync($"rooms/{Esc(room)}/messages?dir=b&limit=500{from}");
                history.AddRange(page.GetProperty("chunk").EnumerateArray());
                token = page.TryGetProperty("end", out var end) ? end.GetString() : null;
            }

            history.Reverse();
            history.RemoveAll(static item => !Timelines.IsOfLoad(item));
            if (_histories.TryAdd(room, history)) continue;
            if (!history.Select(Timelines.IdOf).SequenceEqual(_histories[room].Select(Timelines.IdOf)))
                _problems.Add($"{node.Name} has another history of {room} than {cluster.Nodes[0].Name}");
        }
    }

    private async Task CheckStatesAsync(Node node, Person asker)
    {
        foreach (var ((room, key), value) in acknowledged.States)
        {
            var state = await asker.ReadAsync($"rooms/{Esc(room)}/state/org.example.mark/{Esc(key)}");
            Compare($"the state of {key} in {room}", node, value, state.GetProperty("mark").GetString()!);
        }

        foreach (var room in rooms)
        {
            var members = await asker.ReadAsync($"rooms/{Esc(room)}/state");
            var events = string.Join(' ', members.EnumerateArray().Select(Timelines.IdOf).Order());
            Same($"the state of {room}", node, events);
        }
    }

    private async Task CheckAccountDataAsync(Node node, Person writer)
    {
        if (!acknowledged.AccountData.TryGetValue(writer.UserId, out var value)) return;
        var data = await writer.ReadAsync($"user/{Esc(writer.UserId)}/account_data/org.example.mark");
        Compare($"the account data of {writer.UserId}", node, value, data.GetProperty("mark").GetString()!);
    }

    /// <summary>All nodes count the messages after the last acknowledged receipt.</summary>
    private async Task CheckUnreadAsync(Node node, Person person)
    {
        var filter = Esc("""{"room":{"timeline":{"limit":1}},"presence":{"not_types":["*"]}}""");
        var sync = await person.ReadAsync($"sync?filter={filter}");
        var joined = sync.GetProperty("rooms").GetProperty("join");
        foreach (var room in rooms)
        {
            var history = _histories[room];
            var read = acknowledged.Read.GetValueOrDefault((person.UserId, room));
            var expected = history
                .Skip(read is null ? 0 : history.ToList().FindIndex(item => Timelines.IdOf(item) == read) + 1)
                .Count(static item => item.GetProperty("type").GetString() == "m.room.message");
            var counted = joined.GetProperty(room).GetProperty("unread_notifications")
                .GetProperty("notification_count").GetInt32();
            if (counted != expected)
                _problems.Add($"{node.Name} counts {counted} unread of {expected} in {room} for {person.UserId}");
        }
    }

    /// <summary>Each acknowledged event is in its room once, and no request took effect twice.</summary>
    private void CheckEvents()
    {
        var ids = new Dictionary<string, int>();
        var marks = new Dictionary<string, int>();
        foreach (var item in _histories.Values.SelectMany(static history => history))
        {
            ids[Timelines.IdOf(item)] = ids.GetValueOrDefault(Timelines.IdOf(item)) + 1;
            if (!item.GetProperty("content").TryGetProperty("body", out var body)) continue;
            marks[body.GetString()!] = marks.GetValueOrDefault(body.GetString()!) + 1;
        }

        foreach (var sent in acknowledged.Messages.Concat(acknowledged.StateEvents))
        {
            if (ids.GetValueOrDefault(sent.EventId) is not 1 and var times)
                _problems.Add($"{sent.EventId} ({sent.Mark}) is in {sent.Room} {times} times");
        }

        _problems.AddRange(marks.Where(static mark => mark.Value != 1)
            .Select(static mark => $"{mark.Key} is in the rooms {mark.Value} times"));
    }

    private void CheckTimelines(Reader one)
    {
        foreach (var room in rooms)
        {
            var events = _histories[room].Select(Timelines.IdOf).ToList();
            var read = one.Timelines.Of(room);
            if (read.SequenceEqual(events)) continue;
            var lost = events.Except(read).Count();
            var more = read.Except(events).Count();
            _problems.Add(lost + more == 0
                ? $"{one.Person.UserId} got the events of {room} in another order"
                : $"{one.Person.UserId} lacks {lost} events of {room}, and has {more} that are not there");
        }
    }

    /// <summary>Each acknowledged message to a device came once; so did those of which nobody knows.</summary>
    private void CheckToDevice(IReadOnlyList<SyncReader> readers)
    {
        var of = readers.ToDictionary(static one => one.Person.UserId, static one => one.ToDevice);
        _problems.AddRange(acknowledged.ToDevice
            .Where(sent => of[sent.UserId].GetValueOrDefault(sent.Mark) == 0)
            .Select(static sent => $"{sent.UserId} did not get the message {sent.Mark} to its device"));
        _problems.AddRange(of.SelectMany(static one => one.Value)
            .Where(static mark => mark.Value != 1)
            .Select(static mark => $"the message {mark.Key} came to its device {mark.Value} times"));
    }

    private readonly Dictionary<string, string> _seen = [];

    private void Same(string what, Node node, string value)
    {
        if (!_seen.TryAdd(what, value) && _seen[what] != value)
            _problems.Add($"{what} is another one at {node.Name} than at {cluster.Nodes[0].Name}");
    }

    private void Compare(string what, Node node, LastValue expected, string value)
    {
        Same(what, node, value);
        if (!expected.Allows(value))
            _problems.Add($"{what} is {value} at {node.Name}, and {expected.Acknowledged} was acknowledged last");
    }
}
