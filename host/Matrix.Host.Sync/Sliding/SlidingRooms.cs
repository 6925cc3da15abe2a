using Matrix.Core.Event;
using Matrix.Core.State;
using Matrix.Core.Sync;
using Matrix.Host.Rooms.Events;
using Matrix.Host.Rooms.Reading;
using Matrix.Host.Rooms.Snapshots;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.Memberships;
using Matrix.Host.Streams.Notifying;
using Matrix.Host.Streams.Streams.Memberships;
using Matrix.Host.Streams.Streams.Timelines;
using Matrix.Host.Streams.Streams.Unread;

namespace Matrix.Host.Sync.Sliding;

/// <summary>Writes `rooms` of a response: those with news for the client.</summary>
internal sealed class SlidingRooms(
    RoomSnapshots snapshots,
    EventStore events,
    RoomEnds ends,
    RoomPositions positions,
    MembershipReader memberships,
    RoomContentsReader reader,
    RoomFields fields,
    UnreadReader unreadReader,
    StrippedRoomWriter stripped)
{
    /// <summary>Writes the rooms. The later ones wait for the next response when this one has enough.</summary>
    public async ValueTask WriteAsync(SlidingPass pass, CancellationToken stop)
    {
        pass.Json.WriteStartObject("rooms"u8);
        var begun = pass.Length;
        foreach (var match in pass.Matches)
        {
            // A membership that began after the end of the response is news for the next one.
            if (match.Room.Since > pass.UpTo) continue;

            // Rooms that are looked at in vain do not count: they would be cut again and again.
            if (pass.Written >= pass.Options.MaxSlidingRooms
                || pass.Length - begun >= pass.Options.SlidingBytes)
            {
                pass.Next.IsCut = true;
                break;
            }

            await WriteAsync(pass, match, stop);
            await pass.StepAsync(stop);
        }

        pass.Json.WriteEndObject();
    }

    private ValueTask WriteAsync(SlidingPass pass, RoomMatch match, CancellationToken stop) =>
        match.Room.Membership switch
        {
            Membership.Join => JoinedAsync(pass, match, stop),
            Membership.Invite or Membership.Knock => stripped.OpenAsync(pass, match, stop),
            _ when match.Room.Stripped is not null => stripped.EndedAsync(pass, match, null, stop),
            _ => LeftAsync(pass, match, stop),
        };

    private async ValueTask JoinedAsync(SlidingPass pass, RoomMatch match, CancellationToken stop)
    {
        if (match.Room.Nid is not { } nid) return;
        if (await snapshots.FindAsync(nid, stop) is not { } snapshot) return;
        var end = await positions.AtAsync(snapshot, pass.UpTo, stop);
        var config = Bounded(pass, match.Config);
        var before = pass.Base.Rooms.GetValueOrDefault(match.Room.RoomId);
        var sent = before is { IsFull: true, Membership: Membership.Join } ? before : null;
        var maybeRead = pass.IsUnstable && (match.Parts is not { } parts || (parts & RoomParts.OwnReceipts) != 0);
        if (sent is not null && !maybeRead && IsSame(sent, match, config, end)) return;

        var state = await positions.StateAsync(snapshot, end.Step, stop);

        // The user may have joined after the position at which this response ends.
        if (!await memberships.IsJoinedAsync(snapshot, state, pass.Reader.UserId, stop)) return;
        if (state.Find(EventTypes.Member, pass.Reader.UserId) is not { } own) return;
        var member = EventNid.Of(nid, own.Ordinal);
        var span = new RoomSpan(
            snapshot,
            config,
            sent,
            sent is null ? StateTree.Empty : await positions.StateAsync(snapshot, sent.Step, stop),
            state,
            end.LastNid,
            Viewer.Member(pass.Reader.UserId, state),
            member,
            IsEnd: false);
        var contents = await reader.ReadAsync(pass, span, null, stop);
        var unread = pass.IsUnstable
            ? await unreadReader.OfAsync(pass.Reader.UserId, snapshot.Room, member, end.LastNid, stop)
            : null;
        var counts = new SentCounts(
            unread?.Notifications ?? 0, unread?.Highlights ?? 0, pass.IsUnstable ? pass.UpTo : 0);
        var next = Sent(before, match, Membership.Join, config, end, counts);
        pass.Next.Rooms[match.Room.RoomId] = next;
        if (sent is not null && contents.IsEmpty && !contents.ChangesSummary && AreSameFields(sent, next)) return;

        pass.HasNews = true;
        RoomFields.Start(pass, match, sent);
        await fields.SummaryAsync(pass, span, contents, stop);
        await fields.BumpStampAsync(pass, span, stop);
        if (pass.IsUnstable)
        {
            pass.Json.WriteNumber("notification_count"u8, next.Notifications);
            pass.Json.WriteNumber("highlight_count"u8, next.Highlights);
        }

        await fields.ContentsAsync(pass, span, contents, stop);
        pass.Json.WriteEndObject();
    }

    /// <summary>A room that the user left, or was removed from: up to the departure, and nothing after it.</summary>
    private async ValueTask LeftAsync(SlidingPass pass, RoomMatch match, CancellationToken stop)
    {
        var before = pass.Base.Rooms.GetValueOrDefault(match.Room.RoomId);
        var config = Bounded(pass, match.Config);
        if (before is not null && HasDeparture(before, match, config)) return;
        if (match.Room.Nid is not { } nid) return;
        if (await snapshots.FindAsync(nid, stop) is not { } snapshot) return;
        var room = snapshot.Room;
        if (await memberships.DepartureAsync(room, match.Room.Member, match.Room.Since, stop)
            is not { } departure)
        {
            return;
        }

        var later = departure.IsLatest
            ? null
            : await events.GetAsync(room, match.Room.Member, stop);
        if (departure.Previous is not { } joined)
        {
            await stripped.EndedAsync(pass, match, later ?? departure.Event, stop);
            return;
        }

        var sent = before is { IsFull: true } ? before : null;
        var at = departure.IsLatest ? match.Room.Since : departure.Event.Row.Position;
        var end = await ends.OfAsync(room, departure.Event, at, stop);
        var span = new RoomSpan(
            snapshot,
            config,
            sent,
            sent is null ? StateTree.Empty : await positions.StateAsync(snapshot, sent.Step, stop),
            end.State,
            end.Through,
            new Viewer(pass.Reader.UserId, end.State, false, joined.Nid, end.JoinedThrough),
            departure.Event.Nid,
            IsEnd: true);
        var contents = await reader.ReadAsync(pass, span, later, stop);
        pass.Next.Rooms[match.Room.RoomId] = Sent(
            before,
            match,
            match.Room.Membership,
            config,
            new RoomPosition(end.Through, departure.Event.Row.Step),
            SentCounts.Of(before));
        pass.HasNews = true;
        RoomFields.Start(pass, match, sent);
        await fields.SummaryAsync(pass, span, contents, stop);
        pass.Json.WriteNumber("bump_stamp"u8, match.Room.Since);
        await fields.ContentsAsync(pass, span, contents, stop);
        pass.Json.WriteEndObject();
    }

    private static RoomConfig Bounded(SlidingPass pass, RoomConfig config) =>
        config.TimelineLimit <= pass.Options.MaxTimelineLimit
            ? config
            : new RoomConfig(pass.Options.MaxTimelineLimit, config.RequiredState);

    /// <summary>What the client has of a room after this response.</summary>
    private static SentRoom Sent(
        SentRoom? before,
        RoomMatch match,
        Membership membership,
        RoomConfig config,
        RoomPosition end,
        SentCounts counts) =>
        (before ?? new SentRoom()) with
        {
            LastNid = end.LastNid,
            Step = end.Step,
            Membership = membership,
            Since = match.Room.Since,
            IsFull = true,
            TimelineLimit = config.TimelineLimit,
            RequiredState = config.RequiredState,
            IsDirect = match.Room.IsDirect,
            Notifications = counts.Notifications,
            Highlights = counts.Highlights,
            Counted = counts.At,
        };

    /// <summary>The unread counts that the client has.</summary>
    /// <param name="At">The position at which they were read.</param>
    private readonly record struct SentCounts(int Notifications, int Highlights, long At)
    {
        public static SentCounts Of(SentRoom? sent) =>
            sent is null ? default : new(sent.Notifications, sent.Highlights, sent.Counted);
    }

    private static bool AreSameFields(SentRoom sent, SentRoom next) =>
        sent.IsDirect == next.IsDirect
        && sent.Notifications == next.Notifications
        && sent.Highlights == next.Highlights;

    /// <summary>Whether the client has a left room as it asks for it.</summary>
    private static bool HasDeparture(SentRoom sent, RoomMatch match, RoomConfig config) =>
        sent.Membership is Membership.Leave or Membership.Ban
        && sent.Since == match.Room.Since
        && config.TimelineLimit <= sent.TimelineLimit
        && config.RequiredState.Text == sent.RequiredState.Text;

    private static bool IsSame(SentRoom sent, RoomMatch match, RoomConfig config, RoomPosition end) =>
        sent.LastNid == end.LastNid
        && sent.Step == end.Step
        && sent.TimelineLimit >= config.TimelineLimit
        && sent.RequiredState.Text == config.RequiredState.Text
        && sent.IsDirect == match.Room.IsDirect;
}
