using Matrix.Core.Event;
using Matrix.Core.Json;
using Matrix.Core.State;
using Matrix.Host.Rooms.Events;
using Matrix.Host.Rooms.Reading;
using Matrix.Host.Rooms.Snapshots;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.Events;
using Matrix.Host.Storage.Tables.Memberships;
using Matrix.Host.Streams.Streams;
using Matrix.Host.Streams.Streams.StrippedRooms;
using Matrix.Host.Sync.Responses;
using Matrix.Host.Users.AccountData;

namespace Matrix.Host.Sync.Sliding;

/// <summary>
/// Writes rooms that the user is invited to or knocks on, and the end of an invite or knock. MSC4186,
/// "Invite/knock/rejections".
/// </summary>
internal sealed class StrippedRoomWriter(
    RoomSnapshots snapshots, EventStore events, StrippedRoomReader stripped, ClientEvents clientEvents,
    RoomEvents writer, InviteSetting permission)
{
    /// <summary>Writes an invite or knock, unless the user does not want the invite.</summary>
    public async ValueTask OpenAsync(SlidingPass pass, RoomMatch match, CancellationToken stop)
    {
        var room = match.Room;
        var before = pass.Base.Rooms.GetValueOrDefault(room.RoomId);
        if (before is not null && before.Membership == room.Membership && before.Since == room.Since) return;
        var isInvite = room.Membership == Membership.Invite;
        if (isInvite && await permission.BlocksAsync(pass.Reader.UserId, stop)) return;

        if (room.Stripped is { } given)
        {
            if (isInvite && pass.Ignored.Contains(given.Sender)) return;
            Start(pass, match);
            pass.Json.WritePropertyName(NameOf(pass));
            pass.Json.WriteRaw(given.State.Span);
            pass.Json.WriteEndObject();
            return;
        }

        if (room.Nid is not { } nid) return;
        if (await snapshots.FindAsync(nid, stop) is not { } snapshot) return;
        var member = await events.GetAsync(snapshot.Room, room.Member, stop);
        if (member is null || (isInvite && pass.Ignored.Contains(member.Row.Sender))) return;

        var shown = await stripped.StateAsync(member, isInvite ? member.Row.Sender : null, stop);
        Start(pass, match);
        Stripped(pass, shown);
        pass.Json.WriteEndObject();
    }

    /// <summary>
    /// Writes the end of an invite or knock, to a client that has it: as the user never saw the room, only the member
    /// event.
    /// </summary>
    public async ValueTask EndedAsync(
        SlidingPass pass, RoomMatch match, StoredEvent? departure, CancellationToken stop)
    {
        var before = pass.Base.Rooms.GetValueOrDefault(match.Room.RoomId);
        if (before is null || (before.Membership == match.Room.Membership && before.Since == match.Room.Since)) return;
        Start(pass, match);
        if (departure is not null) await MemberAsync(pass, match, departure, stop);
        else if (match.Room.Stripped is { } ended)
        {
            // In the unstable form clients take a room for joined that comes without this event in its state.
            var member = StrippedMember.Of(pass.Reader.UserId, ended);
            using var written = new ByteBuffer(1024);
            member.Write(written, withRoomId: false);
            if (pass.IsUnstable) OneEvent(pass, "required_state"u8, written);
            OneEvent(pass, "timeline"u8, written);
            if (!pass.IsUnstable) Stripped(pass, member.Json);
        }

        pass.Json.WriteEndObject();
    }

    private async ValueTask MemberAsync(
        SlidingPass pass, RoomMatch match, StoredEvent departure, CancellationToken stop)
    {
        var scope = new ViewScope(
            new Viewer(pass.Reader.UserId, StateTree.Empty, false, EventNid.None, EventNid.None), departure.Nid);
        var extras = await clientEvents.ExtrasAsync(departure.Room, [departure], [departure], scope, stop);

        // In the unstable form clients take a room for joined that comes without this event in its state.
        if (pass.IsUnstable
            || match.Config.RequiredState.Admits(departure.Pdu.Type, departure.Pdu.StateKey ?? ""))
        {
            pass.Json.WriteStartArray("required_state"u8);
            writer.Write(pass, [departure], extras);
            pass.Json.WriteEndArray();
        }

        pass.Json.WriteStartArray("timeline"u8);
        writer.Write(pass, [departure], extras);
        pass.Json.WriteEndArray();
        pass.Json.WriteNumber("num_live"u8, pass.IsInitial ? 0 : 1);
        if (!pass.IsUnstable) Stripped(pass, [departure]);
    }

    /// <summary>Opens the room and records that it was sent.</summary>
    private static void Start(SlidingPass pass, RoomMatch match)
    {
        pass.HasNews = true;
        pass.Next.Rooms[match.Room.RoomId] = new SentRoom
        {
            Membership = match.Room.Membership,
            Since = match.Room.Since,
            TimelineLimit = match.Config.TimelineLimit,
            RequiredState = match.Config.RequiredState,
            IsDirect = match.Room.IsDirect,
        };
        RoomFields.Start(pass, match, sent: null);
        pass.Json.WriteNumber("bump_stamp"u8, match.Room.Since);
    }

    private static void OneEvent(SlidingPass pass, ReadOnlySpan<byte> name, ByteBuffer one)
    {
        pass.Json.WriteStartArray(name);
        pass.Json.WriteRaw(one.Written);
        pass.Json.WriteEndArray();
    }

    private static void Stripped(SlidingPass pass, IReadOnlyList<StoredEvent> shown)
    {
        pass.Json.WriteStartArray(NameOf(pass));
        StrippedRoomReader.Write(pass.Json, shown);
        pass.Json.WriteEndArray();
    }

    private static void Stripped(SlidingPass pass, ReadOnlyMemory<byte> member)
    {
        using var stripped = new ByteBuffer(1024);
        ClientEvent.WriteStripped(stripped, member.Span);
        pass.Json.WriteStartArray(NameOf(pass));
        pass.Json.WriteRaw(stripped.Written);
        pass.Json.WriteEndArray();
    }

    private static string NameOf(SlidingPass pass) => pass.IsUnstable ? "invite_state" : "stripped_state";
}
