using Matrix.Host.Rooms.Views;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.Events;
using Matrix.Host.Storage.Tables.Rooms;
using Matrix.Host.Streams.Notifying;

namespace Matrix.Host.Sync.V3;

/// <summary>Where a room stood at a position.</summary>
/// <param name="LastNid">The end of its timeline.</param>
/// <param name="Step">Its current state.</param>
internal readonly record struct RoomPlace(EventNid LastNid, int Step);

/// <summary>Finds where rooms stood: in the view, in what the board remembers, or in the database.</summary>
internal sealed class RoomPlaces(IRoomsTable rooms, IEventsTable events, SyncBoard board)
{
    /// <summary>Where a room stood at a position. A question to the database only if the position is long ago.</summary>
    public async ValueTask<RoomPlace> AtAsync(RoomView view, long position, CancellationToken stop)
    {
        if (view.Position <= position) return new RoomPlace(view.LastEvent, view.Step);
        if (board.Room(view.Room.Nid) is { } feed && feed.TryAt(position, out var moment)) return new RoomPlace(moment.LastNid, moment.Step);
        return new RoomPlace(
            await events.LastNidAtAsync(view.Room.Nid, position, stop).ConfigureAwait(false),
            await rooms.CurrentStepAtAsync(view.Room.Nid, position, stop).ConfigureAwait(false));
    }

    /// <summary>The same for many rooms and one position, with two questions at most.</summary>
    public async ValueTask<Dictionary<RoomNid, RoomPlace>> AtAsync(IReadOnlyCollection<RoomView> views, long position, CancellationToken stop)
    {
        var places = new Dictionary<RoomNid, RoomPlace>(views.Count);
        List<RoomNid>? asked = null;
        foreach (var view in views)
        {
            var room = view.Room.Nid;
            if (view.Position <= position) places[room] = new RoomPlace(view.LastEvent, view.Step);
            else if (board.Room(room) is { } feed && feed.TryAt(position, out var moment)) places[room] = new RoomPlace(moment.LastNid, moment.Step);
            else (asked ??= []).Add(room);
        }

        if (asked is null) return places;
        var nids = await events.LastNidsAtAsync(asked, position, stop).ConfigureAwait(false);
        var steps = await rooms.CurrentStepsAtAsync(asked, position, stop).ConfigureAwait(false);
        foreach (var room in asked) places[room] = new RoomPlace(nids.GetValueOrDefault(room), steps.GetValueOrDefault(room));
        return places;
    }
}
