using Matrix.Core.Event;
using Matrix.Core.Json;
using Matrix.Host.Rooms.Reading;
using Matrix.Host.Rooms.Snapshots;

namespace Matrix.Host.Api.Client.Legacy;

/// <summary>What the translation of a room's events needs of the room.</summary>
/// <param name="PowerLevels">Today's power levels; null if there are none, or the reader is not in the room.</param>
/// <param name="Creators">The users who have more power than any level.</param>
internal sealed record RoomFacts(JsonObject? PowerLevels, IReadOnlyList<string> Creators);

/// <summary>The facts of the rooms of one response.</summary>
internal sealed class LegacyRoomFacts
{
    private readonly Dictionary<string, RoomFacts?> _rooms = new(StringComparer.Ordinal);

    internal RoomFacts? Find(string? roomId) => roomId is null ? null : _rooms.GetValueOrDefault(roomId);

    internal bool Has(string roomId) => _rooms.ContainsKey(roomId);

    internal void Add(string roomId, RoomFacts? facts) => _rooms[roomId] = facts;
}

/// <summary>Reads the facts of rooms.</summary>
internal sealed class LegacyRoomReader(RoomSnapshots rooms, StateReader states)
{
    /// <summary>The facts of the rooms of which events in a response have state.</summary>
    internal async ValueTask<LegacyRoomFacts> OfAsync(string userId, IEnumerable<Json> events, CancellationToken stop)
    {
        var facts = new LegacyRoomFacts();
        foreach (var each in events)
        {
            if (each is not Json.Object json || !json.Item.Has("state_key")) continue;
            if (json.Item.Text("room_id") is not { } roomId || facts.Has(roomId)) continue;
            facts.Add(roomId, await FindAsync(userId, roomId, stop));
        }

        return facts;
    }

    /// <summary>The end of a room's timeline.</summary>
    internal async ValueTask<TimelineToken> EndAsync(string roomId, CancellationToken stop) =>
        await rooms.FindAsync(roomId, stop) is { } room
            ? TimelineToken.JustAfter(room.LastEvent)
            : default;

    /// <summary>The facts of a room; null if this server does not know it.</summary>
    internal async ValueTask<RoomFacts?> FindAsync(string userId, string roomId, CancellationToken stop)
    {
        if (await rooms.FindAsync(roomId, stop) is not { } room) return null;
        var levels = room.Local.IsJoined(userId)
            ? await states.ContentAsync(room, LegacyPowerLevels.Type, "", stop)
            : null;
        var create = await states.EventAsync(room, EventTypes.Create, "", stop);
        if (create is null) return new RoomFacts(levels, []);
        var prepared = room.Room.Rules.Prepare(create.Pdu);
        return new RoomFacts(levels, room.Room.Rules.PowerOf([prepared], create.Pdu.Sender) > LegacyPowerLevels.Infinite
            ? prepared.Creators
            : []);
    }
}
