using Matrix.Core.Event;
using Matrix.Core.State;
using Matrix.Host.Rooms.Events;
using Matrix.Host.Rooms.Reading;
using Matrix.Host.Rooms.State;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.Events;
using Matrix.Host.Streams.Streams.DeviceLists;
using Matrix.Host.Streams.Streams.Memberships;
using Matrix.Host.Streams.Streams.Timelines;

namespace Matrix.Host.Sync.V3;

/// <summary>
/// Rooms that the user left, was kicked or banned from, or whose invitation is gone: up to the departure, and nothing
/// after it. v1.19 client-server-api#syncing: `LeftRoom`.
/// </summary>
internal sealed class LeftRooms(
    EventStore events,
    StateStore states,
    RoomEnds ends,
    ClientEvents clientEvents,
    MembershipReader memberships,
    DeviceListChanges deviceLists,
    TimelineReader timelines,
    TimelineExtras timelineExtras,
    StateSection stateSection,
    RoomWriter writer)
{
    /// <summary>Writes the room as a member of `leave`, if the user left after the token.</summary>
    /// <param name="member">The user's current member event.</param>
    /// <param name="since">The position at which it became current.</param>
    public async ValueTask<bool> WriteAsync(
        SyncPass pass, RoomInput input, EventNid member, long since, CancellationToken stop)
    {
        var room = input.Snapshot.Room;
        if (await memberships.DepartureAsync(room, member, since, stop) is not { } departure) return false;

        // A user who left earlier has been sent the departure. If they were banned or unbanned since, they are sent the
        // new membership, too.
        long at = departure.IsLatest ? since : departure.Event.Row.Position;
        bool isOld = input.Before is not null && at <= pass.SinceIn(room.Nid);
        bool isLaterNews = !departure.IsLatest && (input.Before is null || since > pass.SinceIn(room.Nid));
        var later = isLaterNews ? await events.GetAsync(room, member, stop) : null;
        bool isNews = !isOld || later is not null;
        if (departure.Previous is { } joined)
        {
            if (!isNews && input.AccountData.Count == 0) return false;
            var contents = await ReadAsync(pass, input, new Parting(departure.Event, joined, at, isOld, later), stop);
            await WriteAsync(pass, input, contents, member, stop);
            return true;
        }

        if (!isNews) return false;
        await WriteDeclinedAsync(pass, room, later ?? departure.Event, stop);
        return true;
    }

    /// <summary>What the client is sent of the end of a membership.</summary>
    /// <param name="Departure">The event by which the user left.</param>
    /// <param name="Joined">The event by which they were joined before it.</param>
    /// <param name="At">The position of the departure.</param>
    /// <param name="IsOld">Whether the client has the departure.</param>
    /// <param name="Later">A ban or unban after it that the client does not have.</param>
    private readonly record struct Parting(
        StoredEvent Departure, StoredEvent Joined, long At, bool IsOld, StoredEvent? Later);

    /// <summary>The events of a left room.</summary>
    private readonly record struct Contents(
        StoredEvent Departure, ViewScope Scope, Timeline Timeline, IReadOnlyList<EventNid> State);

    /// <summary>Reads the room up to the departure, and compares the members for device lists.</summary>
    private async ValueTask<Contents> ReadAsync(
        SyncPass pass, RoomInput input, Parting parting, CancellationToken stop)
    {
        var (departure, joined, at, isOld, later) = parting;
        var room = input.Snapshot.Room;
        string userId = pass.Reader.UserId;
        var end = await ends.OfAsync(room, departure, at, stop);
        var before = input.Before is { } place
            ? await states.AtAsync(room.Nid, place.Step, stop)
            : StateTree.Empty;
        bool isNew = input.Before is null || !await memberships.IsJoinedAsync(room, before, userId, stop);
        var reader = new Viewer(userId, end.State, false, joined.Nid, end.JoinedThrough);
        var timeline = isOld
            ? new Timeline([], false, TimelineToken.JustAfter(end.Through), IsWhole: true)
            : await timelines.ReadAsync(
                room, isNew ? EventNid.None : input.Before!.Value.LastNid, end.Through, reader,
                pass.Timelines, stop, isEnd: true);
        if (later is not null && Place(pass, later).InTimeline)
        {
            timeline = timeline with { Events = [.. timeline.Events, later] };
        }

        var span = new StateSpan(room, isNew ? StateTree.Empty : before, end.State, timeline, isNew);
        var state = isOld ? [] : await stateSection.EventsAsync(pass, span, [], stop);
        if (later is not null && Place(pass, later).InState) state = With(state, departure, later);
        if (!isOld && !pass.IsInitial)
        {
            // Other memberships that changed in the same batch are those of the departure's state.
            await deviceLists.CompareAsync(
                userId,
                room,
                before,
                end.State,
                (pass.SinceIn(room.Nid), at - 1),
                pass.DevicesChanged,
                pass.DevicesLeft,
                stop);
        }

        return new Contents(departure, new ViewScope(reader, end.Through), timeline, state);
    }

    private async ValueTask WriteAsync(
        SyncPass pass, RoomInput input, Contents contents, EventNid member, CancellationToken stop)
    {
        var (departure, scope, timeline, state) = contents;
        var room = input.Snapshot.Room;
        pass.HasNews = true;
        var json = pass.Json;
        json.WriteStartObject(room.RoomId);
        await writer.StateAsync(pass, room, state, departure.Nid, stop);
        await writer.TimelineAsync(
            pass,
            timeline,
            some => timelineExtras.OfAsync(pass.Reader, input.Snapshot, scope, timeline, some, member, stop),
            stop);
        var filter = pass.Filter.RoomAccountData;
        var accountData = input.AccountData.Where(row =>
            filter.AdmitsRoom(room.RoomId) && filter.Admits(row.Type, null, false));
        await writer.AccountDataAsync(pass, [.. accountData], stop);
        json.WriteEndObject();
        await pass.StepAsync(stop);
    }

    /// <summary>A state with a membership that follows the departure.</summary>
    private static IReadOnlyList<EventNid> With(
        IReadOnlyList<EventNid> state, StoredEvent departure, StoredEvent later) =>
        [.. state.Where(nid => nid != departure.Nid), later.Nid];

    private static LoneDeparture Place(SyncPass pass, StoredEvent member) =>
        LoneDeparture.Of(pass, member.Room.RoomId, member.Row.Sender, member.Pdu.Content);

    /// <summary>
    /// Writes a declined or withdrawn invitation: as the user never saw the room, only the member event.
    /// </summary>
    private async ValueTask WriteDeclinedAsync(
        SyncPass pass, RoomIdentity room, StoredEvent departure, CancellationToken stop)
    {
        var scope = new ViewScope(
            new Viewer(pass.Reader.UserId, StateTree.Empty, false, EventNid.None, EventNid.None), departure.Nid);
        var place = Place(pass, departure);
        pass.Json.WriteStartObject(room.RoomId);
        await writer.StateAsync(pass, room, place.InState ? [departure.Nid] : [], departure.Nid, stop);
        await writer.TimelineAsync(
            pass,
            new Timeline(
                place.InTimeline ? [departure] : [], false, TimelineToken.JustBefore(departure.Nid), IsWhole: true),
            some => clientEvents.ExtrasAsync(room, some, some, scope, stop),
            stop);
        await writer.AccountDataAsync(pass, [], stop);
        pass.Json.WriteEndObject();
    }
}
