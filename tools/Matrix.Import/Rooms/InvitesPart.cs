using Matrix.Core.Event;
using Matrix.Core.Facade;
using Matrix.Core.Json;
using Matrix.Host.Storage.Tables.Memberships;
using Matrix.Host.Storage.Tables.StrippedRooms;
using Matrix.Import.Runs;
using Matrix.Import.Sources;

namespace Matrix.Import.Rooms;

/// <summary>Invites and knocks of rooms in which no local user is, and those that ended.</summary>
internal sealed class InvitesPart : IImportPart
{
    private const string Kind = "invites";

    public string Name => "invites";

    public string Title => "invites and knocks of other servers' rooms";

    public IReadOnlyList<string> Tables { get; } = ["local_current_membership", "room_memberships", "rooms"];

    public Task<long> EstimateAsync(ImportContext context, CancellationToken stop) => context.Source.NumberAsync(
        $"SELECT COUNT(*) FROM ({OutOfBand.Select("l.event_id")}) found", stop);

    public async Task RunAsync(ImportContext context, PartProgress progress, CancellationToken stop)
    {
        var (room, user) = progress.Reached?.Split(' ', 2) is [var first, var second] ? (first, second) : ("", "");
        var select = OutOfBand.Select("l.room_id, l.user_id, l.event_id, j.internal_metadata, l.membership");
        await foreach (var row in context.Source.RowsAsync(
            $"""
            {select} AND (l.room_id > $1 OR (l.room_id = $1 AND l.user_id > $2)) ORDER BY l.room_id, l.user_id
            """,
            stop,
            room,
            user))
        {
            (room, user) = (row.Text(0), row.Text(1));
            if (!EventMetadata.Of(row.Text(3)).IsOutOfBand) continue;
            progress.Read(Kind);
            var fault = await TakeAsync(context, room, user, row.Text(2), row.Text(4), progress, stop);
            if (fault.Length > 0) progress.LeaveOut(Kind, $"{user} in {room}", fault);
            else progress.Written(Kind);
            await progress.SaveAsync($"{room} {user}", stop);
        }
    }

    private static async Task<string> TakeAsync(
        ImportContext context,
        string roomId,
        string userId,
        string eventId,
        string membership,
        PartProgress progress,
        CancellationToken stop)
    {
        var version = "";
        await foreach (var row in context.Source.RowsAsync(
            "SELECT room_version FROM rooms WHERE room_id = $1", stop, roomId))
        {
            version = row.Text(0);
        }

        if (RoomRules.FindUnstable(version.Length > 0 ? version : "1") is not { } rules)
        {
            return $"The room's version {version} is not known.";
        }

        var last = await MemberAsync(context, rules, roomId, eventId, stop);
        if (last.Pdu is null) return last.Fault;
        if (membership is "invite" or "knock")
        {
            progress.Add(Entered(rules, userId, last, last.State), last.Position);
            return "";
        }

        var ended = await EndedAsync(context, roomId, userId, last.Position, stop);
        var opened = ended is null ? last : await MemberAsync(context, rules, roomId, ended, stop);
        if (opened.Pdu is null) opened = last;
        progress.Add(Entered(rules, userId, opened, opened.State), opened.Position);
        progress.Add(
            new StrippedRoomLeft(
                userId, roomId, opened.Pdu!.EventId, last.Pdu.Sender, last.Pdu.EventId, last.Pdu.Canonical,
                int.MaxValue),
            last.Position);
        if (last.IsForgotten) progress.Add(new StrippedRoomForgotten(userId, roomId));
        return "";
    }

    private static StrippedRoomEntered Entered(
        RoomRules rules, string userId, MemberEvent member, ReadOnlyMemory<byte> state)
    {
        var pdu = member.Pdu!;
        var isKnock = pdu.Content.Text("membership") == "knock";
        var row = new StrippedRoomRow(
            pdu.RoomId, rules.Id, ServerOf(isKnock && member.Knocked is { } by ? by : pdu.Sender),
            isKnock ? Membership.Knock : Membership.Invite, pdu.Sender, pdu.EventId, pdu.Canonical, state, 0);
        return new StrippedRoomEntered(userId, row, int.MaxValue);
    }

    /// <summary>The invite or knock that a leave ended.</summary>
    private static async Task<string?> EndedAsync(
        ImportContext context, string roomId, string userId, long before, CancellationToken stop)
    {
        await foreach (var row in context.Source.RowsAsync(
            """
            SELECT m.event_id FROM room_memberships m JOIN events e ON e.event_id = m.event_id
            WHERE m.room_id = $1 AND m.user_id = $2 AND m.membership IN ('invite', 'knock')
                AND e.stream_ordering < $3
            ORDER BY e.stream_ordering DESC LIMIT 1
            """,
            stop,
            roomId,
            userId,
            before))
        {
            return row.Text(0);
        }

        return null;
    }

    private static async Task<MemberEvent> MemberAsync(
        ImportContext context, RoomRules rules, string roomId, string eventId, CancellationToken stop)
    {
        await foreach (var row in context.Source.RowsAsync(
            """
            SELECT e.event_id, e.received_ts, j.json, j.internal_metadata, NULL, NULL, e.stream_ordering, m.forgotten
            FROM events e LEFT JOIN event_json j ON j.event_id = e.event_id
            LEFT JOIN room_memberships m ON m.event_id = e.event_id WHERE e.event_id = $1
            """,
            stop,
            eventId))
        {
            var read = SourceEvent.Of(row, 0);
            var json = read.Json;
            EventReader.Read(rules, roomId, read);
            if (read.Pdu is null) return new MemberEvent(null, read.Fault, 0, default, null, false);
            var (state, knocked) = StateOf(json, read.Pdu);
            return new MemberEvent(read.Pdu, "", row.Int64(6), state, knocked, row.Bool(7));
        }

        return new MemberEvent(null, "Its event is not there.", 0, default, null, false);
    }

    /// <summary>The stripped state that came with an invite or knock, with its event, and the sender of another event.
    /// </summary>
    private static (ReadOnlyMemory<byte> State, string? Other) StateOf(byte[] text, Pdu member)
    {
        using var bytes = new ByteBuffer(1024);
        bytes.Raw("["u8);
        string? other = null;
        foreach (var json in Entries(text))
        {
            if (json.Text("type") is not { } type || json.Text("state_key") is not { } key) continue;
            if (json.Text("sender") is not { } sender) continue;
            if (type == EventTypes.Member && key == member.StateKey) continue;
            if (ServerOf(sender) != ServerOf(member.Sender)) other ??= sender;
            ClientEvent.WriteStripped(bytes, JsonText.Write(json));
            bytes.Raw(","u8);
        }

        ClientEvent.WriteStripped(bytes, member.Canonical.Span);
        bytes.Raw("]"u8);
        return (bytes.ToArray(), other);
    }

    private static IEnumerable<JsonObject> Entries(byte[] text)
    {
        if (!JsonText.TryParseStored(text, out var json)
            || !JsonText.TryGet(json, "unsigned", out var value) || value is not Json.Object unsigned)
        {
            yield break;
        }

        foreach (var name in new[] { "invite_room_state", "knock_room_state" })
        {
            if (!JsonText.TryGet(unsigned.Item, name, out var list) || list is not Json.Array entries) continue;
            foreach (var entry in entries.Item)
            {
                if (entry is Json.Object found) yield return found.Item;
            }
        }
    }

    private static string ServerOf(string userId) => userId[(userId.IndexOf(':', StringComparison.Ordinal) + 1)..];

    /// <param name="Knocked">The sender of some event of the room, who is of another server than the member.</param>
    private sealed record MemberEvent(
        Pdu? Pdu, string Fault, long Position, ReadOnlyMemory<byte> State, string? Knocked, bool IsForgotten);
}
