using System.Collections.Concurrent;
using System.Text.Json.Nodes;

namespace Matrix.Federation.Tests.Soak;

/// <summary>
/// A client that syncs all the time and goes on from its token after each failure. It keeps the events and messages
/// that it received, and the keys of the users whose device lists changed.
/// </summary>
internal sealed class SyncingUser(SoakUser user)
{
    private const string Filter =
        """{"room":{"timeline":{"limit":20},"ephemeral":{"types":[]}},"presence":{"types":[]}}""";

    private readonly ConcurrentDictionary<string, int> _events = new();
    private readonly ConcurrentDictionary<string, byte> _redactions = new();

    /// <summary>
    /// Redactions that came in a page before their events did. Sync has them again, with the event: the server does not
    /// know what a client paged over.
    /// </summary>
    private readonly HashSet<string> _early = [];
    private readonly ConcurrentDictionary<string, int> _messages = new();
    private readonly ConcurrentDictionary<string, string> _keys = new();
    private readonly ConcurrentDictionary<string, byte> _outdated = new();
    private readonly ConcurrentQueue<(string RoomId, string From, string To)> _leftOut = new();
    private string? _since;

    internal SoakUser User { get; } = user;

    /// <summary>How often each event was in a timeline.</summary>
    internal IReadOnlyDictionary<string, int> Events => _events;

    /// <summary>
    /// Whether the client knows an event: it was in a timeline, or came with the event that it redacts. A redaction is
    /// not shown before its event, which may come later as history.
    /// </summary>
    internal bool Knows(string eventId) => _events.ContainsKey(eventId) || _redactions.ContainsKey(eventId);

    /// <summary>How often each message to the device came, by its mark.</summary>
    internal IReadOnlyDictionary<string, int> Messages => _messages;

    /// <summary>The keys of each user who shares an encrypted room, as the client knows them.</summary>
    internal IReadOnlyDictionary<string, string> Keys => _keys;

    /// <summary>Whether all that the sync said of device lists was followed.</summary>
    internal bool KnowsAllKeys => _outdated.IsEmpty;

    /// <summary>Takes the events so far as seen, and the device lists of some users as unknown.</summary>
    internal async Task BeginAsync(IEnumerable<string> users)
    {
        await SyncAsync(timeoutMs: 0);
        foreach (var each in users) _outdated[each] = 0;
        _events.Clear();
    }

    /// <summary>Syncs until it is stopped.</summary>
    internal async Task RunAsync(CancellationToken stop)
    {
        while (!stop.IsCancellationRequested)
        {
            await SyncAsync(timeoutMs: 300);
            await QueryKeysAsync();
        }
    }

    private async Task SyncAsync(int timeoutMs)
    {
        var since = _since;
        var path = $"sync?timeout={timeoutMs}&filter={Uri.EscapeDataString(Filter)}"
            + (since is null ? "" : $"&since={Uri.EscapeDataString(since)}");
        var sync = (await User.GetAsync(path)).Is(200).Json;
        foreach (var (roomId, room) in sync["rooms"]?["join"]?.AsObject() ?? [])
        {
            var timeline = room!["timeline"]!.AsObject();
            Count(WithoutEarly(timeline["events"]!.AsArray()));
            if (since is not null && (bool?)timeline["limited"] == true)
            {
                var from = (string)timeline["prev_batch"]!;
                var page = await LeftOutAsync(roomId, from, since);
                Count(page);
                _early.UnionWith(page
                    .Where(each => RedactedBy(each) is { } redacted && !_events.ContainsKey(redacted)).Select(IdOf));
                _leftOut.Enqueue((roomId, from, since));
            }
        }

        foreach (var message in sync["to_device"]?["events"]?.AsArray() ?? [])
        {
            _messages.AddOrUpdate((string)message!["content"]!["mark"]!, 1, (_, count) => count + 1);
        }

        foreach (var left in sync["device_lists"]?["left"]?.AsArray() ?? [])
        {
            _keys.TryRemove((string)left!, out _);
            _outdated.TryRemove((string)left!, out _);
        }

        foreach (var changed in sync["device_lists"]?["changed"]?.AsArray() ?? []) _outdated[(string)changed!] = 0;

        _since = (string)sync["next_batch"]!;
    }

    /// <summary>
    /// Pages again over what limited timelines of some rooms left out: a page passes over events that no server could
    /// be asked for at that time.
    /// </summary>
    internal async Task FillAsync(IReadOnlySet<string> rooms)
    {
        foreach (var (roomId, from, to) in _leftOut.Where(each => rooms.Contains(each.RoomId)))
        {
            foreach (var each in await LeftOutAsync(roomId, from, to))
            {
                NoteRedaction(each);
                _events.TryAdd(IdOf(each), 1);
            }
        }
    }

    /// <summary>Fetches what a limited timeline left out.</summary>
    private async Task<IReadOnlyList<JsonNode>> LeftOutAsync(string roomId, string from, string to)
    {
        var found = new List<JsonNode>();
        for (string? token = from; token is not null;)
        {
            var page = (await User.GetAsync($"rooms/{Uri.EscapeDataString(roomId)}/messages?dir=b&limit=100"
                + $"&from={Uri.EscapeDataString(token)}&to={Uri.EscapeDataString(to)}")).Is(200).Json;
            found.AddRange(page["chunk"]!.AsArray().Select(each => each!));
            token = (string?)page["end"];
        }

        return found;
    }

    private void Count(IEnumerable<JsonNode> events)
    {
        foreach (var each in events)
        {
            NoteRedaction(each);
            _events.AddOrUpdate(IdOf(each), 1, (_, count) => count + 1);
        }
    }

    /// <summary>
    /// An event that comes late to a gap brings its redaction along, whose own place may be in a timeline that the
    /// client had before.
    /// </summary>
    private void NoteRedaction(JsonNode each)
    {
        if ((string?)each["unsigned"]?["redacted_because"]?["event_id"] is { } by) _redactions[by] = 0;
    }

    /// <summary>The events of a timeline without early redactions that come with their event, once each.</summary>
    private IReadOnlyList<JsonNode> WithoutEarly(JsonArray timeline)
    {
        var ids = timeline.Select(each => IdOf(each!)).ToHashSet();
        return
        [
            .. timeline.Select(each => each!).Where(each =>
                RedactedBy(each) is not { } redacted || !ids.Contains(redacted) || !_early.Remove(IdOf(each))),
        ];
    }

    private static string IdOf(JsonNode each) => (string)each["event_id"]!;

    /// <summary>The event that a redaction redacts; null if it is none.</summary>
    private static string? RedactedBy(JsonNode each) =>
        (string?)each["redacts"] ?? (string?)each["content"]?["redacts"];

    private async Task QueryKeysAsync()
    {
        foreach (var userId in _outdated.Keys)
        {
            var found = await KeysOfAsync(User, userId);
            if (found is null) continue;
            _keys[userId] = found;
            _outdated.TryRemove(userId, out _);
        }
    }

    /// <summary>All public keys of a user as a server returns them; null if the user's server did not answer.</summary>
    internal static async Task<string?> KeysOfAsync(SoakUser asking, string userId)
    {
        var query = new JsonObject { ["device_keys"] = new JsonObject { [userId] = new JsonArray() } };
        var found = (await asking.PostAsync("keys/query", query)).Is(200).Json;
        if (found["failures"]?.AsObject().Count > 0) return null;

        var keys = new JsonObject();
        foreach (var part in new[] { "device_keys", "master_keys", "self_signing_keys" })
        {
            keys[part] = Sorted(found[part]?[userId]);
        }

        return keys.ToJsonString();
    }

    private static JsonNode? Sorted(JsonNode? node) => node switch
    {
        JsonObject json => new JsonObject(json.OrderBy(each => each.Key, StringComparer.Ordinal)
            .Select(each => KeyValuePair.Create(each.Key, Sorted(each.Value)))),
        _ => node?.DeepClone(),
    };
}
