using System.Globalization;
using System.Text.Json;
using static Matrix.ClusterFaults.Load.Person;

namespace Matrix.ClusterFaults.Load;

/// <summary>
/// Syncs by long-polls, gets messages to its device, and now and then says up to where it has read. An answer counts
/// once it came whole: then its token is used, and not the one before.
/// </summary>
internal sealed class SyncReader(Person person, Acknowledged acknowledged, int seed) : Reader(person)
{
    private const string Filter = """{"room":{"timeline":{"limit":50}},"presence":{"not_types":["*"]}}""";

    private readonly Random _random = new(seed);
    private readonly Dictionary<string, int> _toDevice = [];
    private string? _since;

    /// <summary>How often each message to its device came.</summary>
    public IReadOnlyDictionary<string, int> ToDevice => _toDevice;

    public bool HasToDevice(string mark)
    {
        lock (_toDevice) return _toDevice.ContainsKey(mark);
    }

    public override async Task BeginAsync()
    {
        var begin = await Person.ReadAsync($"sync?filter={Esc(Filter)}");
        foreach (var (_, room) in JoinedOf(begin)) Timelines.Skip(room.GetProperty("timeline").GetProperty("events"));
        _since = begin.GetProperty("next_batch").GetString();
    }

    protected override async Task ReadOnceAsync(CancellationToken stop)
    {
        var path = $"sync?timeout={Waits.TotalMilliseconds:0}&filter={Esc(Filter)}&since={Esc(_since!)}";
        if (await PollAsync(HttpMethod.Get, path, body: null, Waits, stop) is not { } news) return;
        var next = news.GetProperty("next_batch").GetString()!;
        if (PositionOf(next) < PositionOf(_since!)) Timelines.Add($"{Person.UserId} was at {_since} and got {next}");
        foreach (var (room, content) in JoinedOf(news))
        {
            if (!content.TryGetProperty("timeline", out var timeline)) continue;
            var isLimited = timeline.TryGetProperty("limited", out var limited) && limited.GetBoolean();
            var from = timeline.TryGetProperty("prev_batch", out var before) ? before.GetString() : null;
            var answer = $"the one from {_since} to {next}{(isLimited ? ", limited" : "")}";
            var events = timeline.GetProperty("events");
            await Timelines.AppendAsync(room, events, isLimited, from, answer, mayRepeat: false);
        }

        TakeToDevice(news);
        _since = next;
        if (_random.Next(4) == 0) await SayReadAsync(JoinedOf(news).Select(static room => room.RoomId));
    }

    private void TakeToDevice(JsonElement news)
    {
        if (!news.TryGetProperty("to_device", out var toDevice)) return;
        foreach (var item in toDevice.GetProperty("events").EnumerateArray())
        {
            var mark = item.GetProperty("content").GetProperty("mark").GetString()!;
            lock (_toDevice) _toDevice[mark] = _toDevice.GetValueOrDefault(mark) + 1;
        }
    }

    private async Task SayReadAsync(IEnumerable<string> rooms)
    {
        foreach (var room in rooms)
        {
            if (Timelines.Of(room) is not [.., var last]) continue;
            await Person.UntilAnsweredAsync(HttpMethod.Post, $"rooms/{Esc(room)}/receipt/m.read/{Esc(last)}", new { });
            acknowledged.Read[(Person.UserId, room)] = last;
        }
    }

    private static IEnumerable<(string RoomId, JsonElement Content)> JoinedOf(JsonElement sync) =>
        sync.TryGetProperty("rooms", out var rooms) && rooms.TryGetProperty("join", out var joined)
            ? joined.EnumerateObject().Select(static room => (room.Name, room.Value))
            : [];

    /// <summary>The position in a token of this server.</summary>
    private static long PositionOf(string token) => long.Parse(token.Split('_')[1], CultureInfo.InvariantCulture);
}
