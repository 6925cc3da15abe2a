using Matrix.Core.State;
using Matrix.Host.Rooms.Events;
using Matrix.Host.Rooms.Reading;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.Events;

namespace Matrix.Host.Sync.V3;

/// <summary>
/// Rooms that the user left, was removed or banned from, or whose invitation is gone: up to the departure, and nothing after it. Client-Server
/// API, "Syncing": `LeftRoom`.
/// </summary>
internal sealed class LeftRooms(RoomServices services)
{
    private const string MemberType = "m.room.member";

    private readonly TimelineReader _timelines = new(services.Events, services.Visibility, services.Options);
    private readonly StateSection _state = new(services.Events);
    private readonly RoomWriter _writer = new(services.ClientEvents);

    /// <summary>Writes the room as a member of `leave`, if the user went since the token.</summary>
    /// <param name="turn">The look.</param>
    /// <param name="input">The room.</param>
    /// <param name="member">The member event that stands for the user now.</param>
    /// <param name="since">The position at which it came to stand.</param>
    /// <param name="stop">Cancels reading.</param>
    public async ValueTask<bool> WriteAsync(SyncTurn turn, RoomInput input, EventNid member, long since, CancellationToken stop)
    {
        var room = input.View.Room;
        if (await DepartureAsync(room, member, stop).ConfigureAwait(false) is not { } departure) return false;

        // One who left, and was banned or unbanned later, has been told of leaving. What became of them since is theirs to know, too.
        long at = departure.Event.Nid == member ? since : departure.Event.Row.Position;
        bool isOld = input.Before is not null && at <= turn.SincePosition;
        bool isLaterNews = departure.Event.Nid != member && (input.Before is null || since > turn.SincePosition);
        var later = isLaterNews ? await services.Events.GetAsync(room, member, stop).ConfigureAwait(false) : null;
        if (isOld && later is null && input.AccountData.Count == 0) return false;

        if (departure.Previous is null)
        {
            if (isOld && later is null) return false;
            await WriteDeclinedAsync(turn, room, later ?? departure.Event, stop).ConfigureAwait(false);
            return true;
        }

        string userId = turn.Reader.UserId;
        var end = await services.States.AtAsync(room.Nid, departure.Event.Row.Step, stop).ConfigureAwait(false);
        var before = input.Before is { } place
            ? await services.States.AtAsync(room.Nid, place.Step, stop).ConfigureAwait(false)
            : StateTree.Empty;
        bool isNew = input.Before is null || !await IsJoinedAsync(room, before, userId, stop).ConfigureAwait(false);
        var reader = new Standpoint(userId, end, false, departure.Previous.Nid, departure.Event.Nid);
        var timeline = isOld
            ? new Timeline([], false, TimelineToken.JustAfter(departure.Event.Nid), IsWhole: true)
            : await _timelines.ReadAsync(
                room, isNew ? EventNid.None : input.Before!.Value.LastNid, departure.Event.Nid, reader, turn, stop).ConfigureAwait(false);
        if (later is not null) timeline = timeline with { Events = [.. timeline.Events, later] };
        var trail = await services.Trail.AtAsync(room, member, timeline.Events, stop).ConfigureAwait(false);
        var sight = new Sight(reader, departure.Event.Nid);
        var extras = await services.ClientEvents.ExtrasAsync(room, timeline.Events, trail, sight, stop).ConfigureAwait(false);
        await services.BundleAsync(turn, input.View, sight, timeline, extras, stop).ConfigureAwait(false);
        var span = new StateSpan(room, isNew ? StateTree.Empty : before, end, timeline, isNew);
        var state = isOld ? [] : await _state.EventsAsync(turn, span, [], stop).ConfigureAwait(false);
        var stateExtras = await services.ClientEvents.StateExtrasAsync(room, state, departure.Event.Nid, stop).ConfigureAwait(false);
        if (!isOld && !turn.IsInitial)
        {
            await services.DeviceLists.CompareAsync(userId, room, before, end, turn.DevicesChanged, turn.DevicesLeft, stop).ConfigureAwait(false);
        }


        var output = turn.Output;
        output.Name(room.RoomId);
        output.Byte((byte)'{');
        _writer.State(turn, state, stateExtras);
        _writer.Timeline(turn, timeline, extras);
        RoomWriter.AccountData(turn, [.. input.AccountData.Where(row => turn.Filter.RoomAccountData.AdmitsRoom(room.RoomId) && turn.Filter.RoomAccountData.Admits(row.Type, null, false))]);
        output.Close();
        return true;
    }

    /// <summary>An invitation that was declined or withdrawn: of a room that the user never saw, the event alone.</summary>
    private async ValueTask WriteDeclinedAsync(SyncTurn turn, RoomIdentity room, StoredEvent departure, CancellationToken stop)
    {
        var sight = new Sight(new Standpoint(turn.Reader.UserId, StateTree.Empty, false, EventNid.None, EventNid.None), departure.Nid);
        var extras = await services.ClientEvents.ExtrasAsync(room, [departure], [departure], sight, stop).ConfigureAwait(false);
        turn.Output.Name(room.RoomId);
        turn.Output.Byte((byte)'{');
        _writer.State(turn, [], []);
        _writer.Timeline(turn, new Timeline([departure], false, TimelineToken.JustBefore(departure.Nid), IsWhole: true), extras);
        RoomWriter.AccountData(turn, []);
        turn.Output.Close();
    }

    /// <summary>
    /// The event that took the user out of the room, and the one that had them joined before it (null if they were but invited). Null if they
    /// were neither: someone was banned who was never there.
    /// </summary>
    private async ValueTask<(StoredEvent Event, StoredEvent? Previous)?> DepartureAsync(
        RoomIdentity room, EventNid member, CancellationToken stop)
    {
        var trail = await services.Trail.BackAsync(
            room, member, stored => MemberTrail.MembershipOf(stored) is "join" or "invite" or "knock", stop).ConfigureAwait(false);
        if (trail.Count < 2) return null;
        return MemberTrail.MembershipOf(trail[^1]) switch
        {
            "join" => (trail[^2], trail[^1]),
            "invite" or "knock" => (trail[^2], null),
            _ => null,
        };
    }

    private async ValueTask<bool> IsJoinedAsync(RoomIdentity room, StateTree state, string userId, CancellationToken stop)
    {
        if (state.Find(MemberType, userId) is not { } entry) return false;
        var member = await services.Events.GetAsync(room, EventNid.Of(room.Nid, entry.Ordinal), stop).ConfigureAwait(false);
        return member is not null && MemberTrail.MembershipOf(member) == "join";
    }
}
