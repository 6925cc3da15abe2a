using System.Text.Json;

namespace Matrix.ClusterFaults.Load;

/// <summary>Syncs by simplified sliding sync. If its connection is unknown, it begins another one.</summary>
internal sealed class SlidingReader(Person person) : Reader(person)
{
    private const string Path = "/_matrix/client/unstable/org.matrix.simplified_msc3575/sync";

    private static readonly object _body = new
    {
        lists = new Dictionary<string, object>
        {
            ["all"] = new
            {
                ranges = (int[][])[[0, 99]],
                timeline_limit = 20,
                required_state = Array.Empty<string[]>(),
            },
        },
    };

    private string? _position;
    private bool _hasBegun;

    /// <summary>How often its connection was unknown.</summary>
    public int Restarts { get; private set; }

    public override async Task BeginAsync()
    {
        _hasBegun = false;
        while (_position is null) await ReadOnceAsync(CancellationToken.None);
        _hasBegun = true;
    }

    protected override async Task ReadOnceAsync(CancellationToken stop)
    {
        var waits = _position is null ? TimeSpan.Zero : Waits;
        var path = $"{Path}?timeout={waits.TotalMilliseconds:0}"
            + (_position is null ? "" : "&pos=" + Person.Esc(_position));
        if (await PollAsync(HttpMethod.Post, path, _body, waits + TimeSpan.FromTicks(1), stop) is not { } news) return;
        if (news.TryGetProperty("rooms", out var rooms))
        {
            foreach (var room in rooms.EnumerateObject()) await TakeAsync(room.Name, room.Value);
        }

        _position = news.GetProperty("pos").GetString();
    }

    protected override bool IsRestarted(Exchange exchange)
    {
        if (!exchange.Text.Contains("M_UNKNOWN_POS", StringComparison.Ordinal)) return false;
        Restarts++;
        _position = null;
        return true;
    }

    private async Task TakeAsync(string roomId, JsonElement room)
    {
        if (!room.TryGetProperty("timeline", out var timeline)) return;
        if (!_hasBegun)
        {
            Timelines.Skip(timeline);
            return;
        }

        await Timelines.AppendAsync(
            roomId,
            timeline,
            isLimited: IsTrue(room, "limited"),
            room.TryGetProperty("prev_batch", out var before) ? before.GetString() : null,
            $"the one after {_position}{(IsTrue(room, "limited") ? ", limited" : "")}",

            // Another connection may begin at a node that had read less than the one before.
            mayRepeat: IsTrue(room, "initial") || Restarts > 0);
    }

    private static bool IsTrue(JsonElement room, string member) =>
        room.TryGetProperty(member, out var value) && value.ValueKind == JsonValueKind.True;
}
