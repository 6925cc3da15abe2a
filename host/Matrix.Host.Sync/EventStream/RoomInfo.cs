using Matrix.Core.Json;
using Matrix.Core.Sync;
using Matrix.Host.Rooms.Events;
using Matrix.Host.Rooms.Reading;
using Matrix.Host.Rooms.Snapshots;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.AccountData;
using Matrix.Host.Storage.Tables.Events;
using Matrix.Host.Storage.Tables.Memberships;
using Matrix.Host.Streams.Notifying;
using Matrix.Host.Sync.V3;

namespace Matrix.Host.Sync.EventStream;

/// <summary>Writes a room as it was at a token. Client-Server API, `initialSync`: `RoomInfo`.</summary>
internal sealed class RoomInfo(
    IStorage storage, RoomSnapshots rooms, EventStore events, EventPages pages, RoomPositions positions)
{
    /// <summary>Writes a room that the user may read.</summary>
    /// <param name="membership">The user's membership; null for none.</param>
    public async ValueTask WriteAsync(
        ByteBuffer output,
        Readable readable,
        Membership? membership,
        UserDevice reader,
        int limit,
        SyncToken now,
        CancellationToken stop)
    {
        var room = readable.Room;
        var through = readable.Through;
        if (await rooms.FindAsync(room.Nid, stop).ConfigureAwait(false) is { } snapshot)
        {
            var end = await positions.AtAsync(snapshot, now.Position, stop).ConfigureAwait(false);
            through = new EventNid(Math.Min(through.Value, end.LastNid.Value));
        }

        var page = await pages.ReadAsync(
            readable,
            new EventNid(through.Value + 1),
            null,
            Direction.Backward,
            limit,
            EventFilter.Everything,
            stop).ConfigureAwait(false);
        output.Raw("{\"account_data\":["u8);
        if (membership is not null) await AccountDataAsync(output, reader, room, stop).ConfigureAwait(false);
        output.Raw("]"u8);
        if (NameOf(membership) is { } name)
        {
            output.Raw(",\"membership\":"u8);
            CanonicalJson.writeString(output, name);
        }

        output.Raw(",\"messages\":{\"chunk\":"u8);
        await pages.WriteAsync(output, readable, [.. page.Events.Reverse()], reader, stop).ConfigureAwait(false);
        output.Raw(",\"end\":"u8);
        CanonicalJson.writeString(output, now.ToString());
        if (page.Next is { } next)
        {
            output.Raw(",\"start\":"u8);
            CanonicalJson.writeString(output, TimelineToken.JustBefore(next).ToString());
        }

        output.Raw("},\"room_id\":"u8);
        CanonicalJson.writeString(output, room.RoomId);
        output.Raw(",\"state\":"u8);
        var nids = readable.State.Entries().Select(entry => EventNid.Of(room.Nid, entry.Ordinal)).Order().ToList();
        var state = await events.GetManyAsync(room, nids, stop).ConfigureAwait(false);
        await pages.WriteAsync(output, readable, state, reader, stop).ConfigureAwait(false);
        output.Raw(",\"visibility\":"u8);
        var isPublished = await storage.Aliases.IsPublishedAsync(room.Nid, stop).ConfigureAwait(false);
        CanonicalJson.writeString(output, isPublished ? "public" : "private");
        output.Byte((byte)'}');
    }

    /// <summary>Writes account data as events, with commas.</summary>
    public static void WriteAccountData(ByteBuffer output, IEnumerable<(string Type, ReadOnlyMemory<byte> Json)> rows)
    {
        var isFirst = true;
        foreach (var (type, content) in rows)
        {
            if (!isFirst) output.Byte((byte)',');
            isFirst = false;
            output.Raw("{\"content\":"u8);
            output.Raw(content.Span);
            output.Raw(",\"type\":"u8);
            CanonicalJson.writeString(output, type);
            output.Byte((byte)'}');
        }
    }

    private async ValueTask AccountDataAsync(
        ByteBuffer output, UserDevice reader, RoomIdentity room, CancellationToken stop)
    {
        IReadOnlyList<AccountDataRow> rows = await storage.AccountData.OfRoomAsync(
            reader.UserId, room.Nid, stop).ConfigureAwait(false);
        WriteAccountData(output, rows.Select(static row => (row.Type, row.Content)));
    }

    /// <summary>The specification's list has no knocks.</summary>
    private static string? NameOf(Membership? membership) => membership switch
    {
        Membership.Join => "join",
        Membership.Invite => "invite",
        Membership.Leave => "leave",
        Membership.Ban => "ban",
        _ => null,
    };
}
