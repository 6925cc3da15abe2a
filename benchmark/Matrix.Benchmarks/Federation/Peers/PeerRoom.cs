using System.Text;
using System.Text.Json;
using Matrix.Core.Event;
using Matrix.Core.Facade;
using Matrix.Core.Json;
using Matrix.Core.Room;

namespace Matrix.Benchmarks.Federation.Peers;

/// <summary>A room that a synthetic peer has joined. It makes messages in it, each on the one before.</summary>
internal sealed class PeerRoom
{
    private readonly SyntheticPeer _peer;
    private readonly RoomRules _rules;
    private readonly string _user;
    private readonly Dictionary<(string Type, string Key), string> _state = [];
    private string _latest = "";
    private long _depth;

    private PeerRoom(SyntheticPeer peer, string roomId, string version)
    {
        _peer = peer;
        RoomId = roomId;
        _rules = RoomRules.Find(version)!;
        _user = "@someone:" + peer.Name;
    }

    public string RoomId { get; }

    /// <summary>The id of the latest event that the peer made.</summary>
    public string Latest => _latest;

    /// <summary>Joins by `make_join` and `send_join`.</summary>
    public static async Task<PeerRoom> JoinAsync(
        SyntheticPeer peer, string serverName, Uri server, string roomId, CancellationToken stop)
    {
        var versions = string.Join("&", RoomRules.Known.Select(version => $"ver={version}"));
        var target = $"/_matrix/federation/v1/make_join/{Escape(roomId)}/{Escape("@someone:" + peer.Name)}?{versions}";
        var made = await peer.SendAsync(peer.Prepare(HttpMethod.Get, serverName, server, target, []), stop);
        using var template = JsonDocument.Parse(made);
        var room = new PeerRoom(peer, roomId, template.RootElement.GetProperty("room_version").GetString()!);

        var join = room.Sign(room._rules.ComposeMembership(
            roomId, room._user, Parse("""{"membership":"join"}"""u8),
            Parse(Encoding.UTF8.GetBytes(template.RootElement.GetProperty("event").GetRawText())), "join", peer.Name,
            Now()));
        var path = $"/_matrix/federation/v2/send_join/{Escape(roomId)}/{Escape(join.EventId)}";
        var sent = await peer.SendAsync(
            peer.Prepare(HttpMethod.Put, serverName, server, path, join.Canonical.ToArray()), stop);
        using var joined = JsonDocument.Parse(sent);
        foreach (var each in joined.RootElement.GetProperty("state").EnumerateArray())
        {
            var state = room._rules.ReadReceived(Encoding.UTF8.GetBytes(each.GetRawText())).Value.Pdu;
            room._state[(state.Type, state.StateKey!)] = state.EventId;
        }

        room._state[(join.Type, join.StateKey!)] = join.EventId;
        (room._latest, room._depth) = (join.EventId, join.Depth);
        return room;
    }

    /// <summary>Makes a message of 200 bytes on the latest event.</summary>
    public ReadOnlyMemory<byte> Say()
    {
        var message = new Draft("m.room.message", null, _user, _content, null);
        string[] auth =
        [
            .. _rules.AuthKeys(message)
                .Where(key => _rules.AuthEventsIncludeCreate || key.Type != "m.room.create")
                .Select(key => _state.GetValueOrDefault((key.Type, key.Key)))
                .OfType<string>(),
        ];
        var pdu = Sign(_rules.Compose(RoomId, message, [_latest], auth, _depth, Now()));
        (_latest, _depth) = (pdu.EventId, pdu.Depth);
        return pdu.Canonical;
    }

    private static readonly JsonObject _content = Parse(JsonSerializer.SerializeToUtf8Bytes(
        new { body = LoadGen.Servers.Account.Sentence, msgtype = "m.text" }));

    private Pdu Sign(Outcome<UnsignedEvent> composing)
    {
        using var unsigned = composing.Value;
        return _rules.Sign(unsigned, _peer.Name, _peer.KeyId, _peer.Sign(unsigned.BytesToSign.Span)).Value;
    }

    private static JsonObject Parse(ReadOnlySpan<byte> json) =>
        JsonText.TryParseObject(json, Reading.Lenient, JsonText.EventLimits, out var parsed, out _) ? parsed
            : throw new InvalidDataException("A template is not JSON.");

    private static string Escape(string text) => Uri.EscapeDataString(text);

    private static long Now() => DateTimeOffset.UtcNow.ToUnixTimeMilliseconds();
}
