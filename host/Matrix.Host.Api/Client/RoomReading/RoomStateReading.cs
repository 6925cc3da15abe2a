using Matrix.Core.Event;
using Matrix.Core.Json;
using Matrix.Core.State;
using Matrix.Host.Api.Http;
using Matrix.Host.Api.Http.Owners;
using Matrix.Host.Rooms.Events;
using Matrix.Host.Rooms.Reading;
using Matrix.Host.Rooms.State;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.Events;
using Matrix.Host.Storage.Tables.Memberships;
using Matrix.Host.Streams.Streams.Timelines;

namespace Matrix.Host.Api.Client.RoomReading;

/// <summary>Room state and members. v1.19 client-server-api#getting-events-for-a-room</summary>
internal sealed class RoomStateReading(
    RoomAccess access,
    EventPages pages,
    EventStore events,
    StateStore states,
    Visibility visibility,
    TimelinePositions places,
    IMembershipsTable membershipsTable) : IEndpoints
{
    private static readonly RouteOptions _open = new() { Access = Access.UsersAndGuests };
    private static readonly RouteOptions _large = _open with { IsLarge = true };
    private static readonly string[] _memberships = ["join", "invite", "knock", "leave", "ban"];

    private sealed record Members(string? At, string? Only, string? Not)
    {
        /// <summary>If both are given, either suffices: this membership, or any but the other.</summary>
        internal bool Admits(string membership) => (Only, Not) switch
        {
            (null, null) => true,
            (null, _) => membership != Not,
            (_, null) => membership == Only,
            _ => membership == Only || membership != Not,
        };
    }

    public void Map(ClientRoutes routes)
    {
        // v1.19 client-server-api#get_matrixclientv3roomsroomidstate
        routes.Of(RouteOwner.Nobody).Get("rooms/{roomId}/state", AllAsync, _large);
        // v1.19 client-server-api#get_matrixclientv3roomsroomidstateeventtypestatekey
        routes.Of(RouteOwner.Nobody).Get(
            "rooms/{roomId}/state/{eventType}/{stateKey?}",
            static query => query.OneOf("format", "content", "event"),
            OneAsync,
            _open);
        // v1.19 client-server-api#get_matrixclientv3roomsroomidmembers
        routes.Of(RouteOwner.Nobody).Get(
            "rooms/{roomId}/members",
            static query => new Members(
                query.Token("at"),
                query.OneOf("membership", _memberships),
                query.OneOf("not_membership", _memberships)),
            MembersAsync,
            _large);
        // v1.19 client-server-api#get_matrixclientv3roomsroomidjoined_members
        routes.Of(RouteOwner.Nobody).Get(
            "rooms/{roomId}/joined_members", JoinedMembersAsync, RouteOptions.Default with { IsLarge = true });
        // v1.19 client-server-api#get_matrixclientv3joined_rooms
        routes.Of(RouteOwner.Nobody).Get(
            "joined_rooms", JoinedRoomsAsync, RouteOptions.Default with { IsLarge = true });
    }

    private async ValueTask<Answer> AllAsync(Call call, CancellationToken stop)
    {
        var result = await access.OfAsync(call.Caller.UserId, call["roomId"], stop);
        if (!result.IsOk) return RoomAnswers.Of(result.Failure);
        var readable = result.Value;
        var state = NidsOf(readable, readable.State.Entries());
        return Answer.InSteps(call, async (output, stop) =>
        {
            await pages.WriteAsync(output, readable, state, null, call.Caller.Device, stop);
            return null;
        });
    }

    private async ValueTask<Answer> OneAsync(Call call, string? format, CancellationToken stop)
    {
        var result = await access.OfAsync(call.Caller.UserId, call["roomId"], stop);
        if (!result.IsOk) return RoomAnswers.Of(result.Failure);
        var readable = result.Value;
        var entry = readable.State.Find(call["eventType"], call["stateKey"]);
        var stored = entry is null
            ? null
            : await events.GetAsync(readable.Room, EventNid.Of(readable.Room.Nid, entry.Ordinal), stop);
        if (stored is null) return Answer.NotFound("The room has no such state.");
        if (format != "event") return Answer.Bytes(Matrix.Core.Event.ClientEvent.Content(stored.Row.Json));

        using var output = new ByteBuffer(4096);
        await pages.WriteOneAsync(output, readable, stored, call.Caller.Device, stop);
        return Answer.Bytes(output.ToArray());
    }

    private async ValueTask<Answer> MembersAsync(Call call, Members asked, CancellationToken stop)
    {
        var result = await access.OfAsync(call.Caller.UserId, call["roomId"], stop);
        if (!result.IsOk) return RoomAnswers.Of(result.Failure);
        var readable = result.Value;
        var state = readable.State;
        if (asked.At is { } at)
        {
            if (await places.LastAsync(readable.Room, at, isEnd: true, stop) is not { } behind)
            {
                return Answer.InvalidParam("`at` is not a pagination token of this server.");
            }

            if (await StateBehindAsync(readable, behind, stop) is not { } then)
            {
                return Answer.Forbidden("You may not see the room's state at this time.");
            }

            state = then;
        }

        var members = NidsOf(readable, state.OfType(EventTypes.Member));
        return Answer.InSteps(call, async (output, stop) =>
        {
            output.Buffer.Raw("{\"chunk\":"u8);
            await pages.WriteAsync(
                output, readable, members, member => asked.Admits(member.Membership), call.Caller.Device, stop);
            output.Buffer.Byte((byte)'}');
            return null;
        });
    }

    /// <summary>Joined members with their profiles in the room, for joined users.</summary>
    private async ValueTask<Answer> JoinedMembersAsync(Call call, CancellationToken stop)
    {
        var result = await access.OfAsync(call.Caller.UserId, call["roomId"], stop);
        if (!result.IsOk) return RoomAnswers.Of(result.Failure);
        if (!result.Value.Viewer.IsJoined) return Answer.Forbidden("You are not in this room.");

        var readable = result.Value;
        var members = NidsOf(readable, readable.State.OfType(EventTypes.Member));
        return Answer.InSteps(call, async (output, stop) =>
        {
            output.Buffer.Raw("{\"joined\":{"u8);
            var isFirst = true;
            await foreach (var portion in events.PortionsAsync(readable.Room, members, stop))
            {
                foreach (var member in portion)
                {
                    if (member.Pdu.StateKey is not { } userId || member.Membership != "join") continue;
                    if (!isFirst) output.Buffer.Byte((byte)',');
                    isFirst = false;
                    WriteProfile(output.Buffer, userId, member);
                }

                await output.StepAsync(stop);
            }

            output.Buffer.Raw("}}"u8);
            return null;
        });
    }

    /// <summary>Unknown values are null: clients refuse a response that lacks them. Decision 23.</summary>
    private static void WriteProfile(ByteBuffer output, string userId, StoredEvent member)
    {
        CanonicalJson.WriteString(output, userId);
        output.Raw(":{\"avatar_url\":"u8);
        WriteText(output, member.Pdu.Content.Text("avatar_url"));
        output.Raw(",\"display_name\":"u8);
        WriteText(output, member.Pdu.Content.Text("displayname"));
        output.Byte((byte)'}');
    }

    private static void WriteText(ByteBuffer output, string? text)
    {
        if (text is null) output.Raw("null"u8);
        else CanonicalJson.WriteString(output, text);
    }

    private async ValueTask<Answer> JoinedRoomsAsync(Call call, CancellationToken stop)
    {
        var rows = await membershipsTable.RoomsOfAsync(
            call.Caller.UserId, Storage.Tables.Memberships.MembershipSet.Join, stop);
        return Answer.Json(rows, static (json, rows) =>
        {
            json.WriteStartArray("joined_rooms");
            foreach (var row in rows) json.WriteStringValue(row.RoomId);
            json.WriteEndArray();
        });
    }

    /// <summary>
    /// The state at a position of the timeline, but not after the last state visible to the reader; null if the event
    /// there is not visible.
    /// </summary>
    private async ValueTask<StateTree?> StateBehindAsync(Readable readable, EventNid behind, CancellationToken stop)
    {
        if (behind.Value >= readable.Through.Value) return readable.State;
        var last = await events.RangeAsync(
            readable.Room, new EventNid(behind.Value + 1), null, Direction.Backward, 1, stop);
        if (last.Count == 0) return StateTree.Empty;
        var seen = await visibility.FilterAsync(readable.Room, last, readable.Viewer, stop);
        return seen.Count == 0
            ? null
            : await states.AtAsync(readable.Room.Nid, last[0].Row.Step, stop);
    }

    private static EventNid[] NidsOf(Readable readable, StateEntry[] entries) =>
        [.. entries.Select(entry => EventNid.Of(readable.Room.Nid, entry.Ordinal)).Order()];
}
