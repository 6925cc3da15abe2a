using Matrix.Core.Event;
using Matrix.Core.Json;
using Matrix.Host.Rooms.Reading;
using Matrix.Host.Rooms.Snapshots;

namespace Matrix.Host.Api.Client.Legacy;

/// <summary>What the translation of a room's events needs of the room.</summary>
/// <param name="PowerLevels">Today's power levels; null if there are none, or the reader is not in the room.</param>
/// <param name="Creators">The users who have more power than any level.</param>
internal sealed record RoomPower(JsonObject? PowerLevels, IReadOnlyList<string> Creators);

/// <summary>The facts of the rooms of one response.</summary>
internal sealed class RoomPowers
{
    private readonly Dictionary<string, RoomPower?> _rooms = new(StringComparer.Ordinal);

    internal RoomPower? Find(string? roomId) => roomId is null ? null : _rooms.GetValueOrDefault(roomId);

    internal bool Has(string roomId) => _rooms.ContainsKey(roomId);

    internal void Add(string roomId, RoomPower? powers) => _rooms[roomId] = powers;
}

/// <summary>Reads the facts of rooms.</summary>
internal sealed class LegacyRoomReader(RoomSnapshots rooms, StateReader states)
{
    /// <summary>The facts of the rooms of which events in a response have state.</summary>
    internal async ValueTask<RoomPowers> OfAsync(string userId, IEnumerable<Json> events, CancellationToken stop)
    {
        var powers = new RoomPowers();
        foreach (var each in events)
        {
            if (each is not Json.Object json || !json.Item.Has("state_key")) continue;
            if (json.Item.Text("room_id") is not { } roomId || powers.Has(roomId)) continue;
            powers.Add(roomId, await FindAsync(userId, roomId, stop));
        }

        return powers;
    }

    /// <summary>The end of a room's timeline.</summary>
    internal async ValueTask<TimelineToken> EndAsync(string roomId, CancellationToken stop) =>
        await rooms.FindAsync(roomId, stop) is { } room
            ? TimelineToken.JustAfter(room.LastEvent)
            : default;

    /// <summary>The facts of a room; null if this server does not know it.</summary>
    internal async ValueTask<RoomPower?> FindAsync(string userId, string roomId, CancellationToken stop)
    {
        if (await rooms.FindAsync(roomId, stop) is not { } room) return null;
        var levels = room.Local.IsJoined(userId)
            ? await states.ContentAsync(room, LegacyPowerLevels.Type, "", stop)
            : null;
        var create = await states.EventAsync(room, EventTypes.Create, "", stop);
        if (create is null) return new RoomPower(levels, []);
        var prepared = room.Room.Rules.Prepare(create.Pdu);
        return new RoomPower(levels, room.Room.Rules.PowerOf([prepared], create.Pdu.Sender) > LegacyPowerLevels.Infinite
            ? prepared.Creators
            : []);
    }
}
