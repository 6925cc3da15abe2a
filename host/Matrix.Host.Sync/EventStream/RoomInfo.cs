using Matrix.Core.Json;
using Matrix.Core.Sync;
using Matrix.Host.Rooms.Reading;
using Matrix.Host.Rooms.Snapshots;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.Aliases;
using Matrix.Host.Storage.Tables.Memberships;
using Matrix.Host.Streams;
using Matrix.Host.Streams.Notifying;
using Matrix.Host.Streams.Streams.Timelines;

namespace Matrix.Host.Sync.EventStream;

/// <summary>
/// Writes a room as it was at a token. v1.19 client-server-api#get_matrixclientv3initialsync: `RoomInfo`
/// </summary>
internal sealed class RoomInfo(
    AccountDataWriter accountData,
    AliasesTable aliasesTable,
    RoomSnapshots rooms,
    EventPages pages,
    RoomPositions positions,
    SyncOptions options)
{
    /// <summary>Writes a room that the user may read.</summary>
    /// <param name="membership">The user's membership; null for none.</param>
    /// <param name="limit">The most messages; null for the usual number.</param>
    public async ValueTask WriteAsync(
        ResponseWriter response,
        Readable readable,
        Membership? membership,
        UserDevice reader,
        long? limit,
        SyncToken now,
        CancellationToken stop)
    {
        var room = readable.Room;
        var through = readable.Through;
        if (await rooms.FindAsync(room.Nid, stop) is { } snapshot)
        {
            var end = await positions.AtAsync(snapshot, now.Position, stop);
            through = new EventNid(Math.Min(through.Value, end.LastNid.Value));
        }

        var page = await pages.ReadAsync(
            readable,
            new EventNid(through.Value + 1),
            null,
            Direction.Backward,
            (int)Math.Min(limit ?? options.DefaultTimelineLimit, options.MaxTimelineLimit),
            EventFilter.Everything,
            stop);
        var output = response.Buffer;
        output.Raw("{\"account_data\":["u8);
        if (membership is not null)
        {
            await accountData.WriteOfRoomAsync(response, reader.UserId, room.Nid, stop);
        }

        output.Raw("]"u8);
        if (NameOf(membership) is { } name)
        {
            output.Raw(",\"membership\":"u8);
            CanonicalJson.WriteString(output, name);
        }

        output.Raw(",\"messages\":{\"chunk\":"u8);
        await pages.WriteAsync(response, readable, [.. page.Events.Reverse()], reader, stop);
        output.Raw(",\"end\":"u8);
        CanonicalJson.WriteString(output, now.ToString());
        if (page.Next is { } next)
        {
            output.Raw(",\"start\":"u8);
            CanonicalJson.WriteString(output, TimelineToken.JustBefore(next).ToString());
        }

        output.Raw("},\"room_id\":"u8);
        CanonicalJson.WriteString(output, room.RoomId);
        output.Raw(",\"state\":"u8);
        var nids = readable.State.Entries().Select(entry => EventNid.Of(room.Nid, entry.Ordinal)).Order().ToList();
        await pages.WriteAsync(response, readable, nids, null, reader, stop);
        output.Raw(",\"visibility\":"u8);
        var isPublished = await aliasesTable.IsPublishedAsync(room.Nid, stop);
        CanonicalJson.WriteString(output, isPublished ? "public" : "private");
        output.Byte((byte)'}');
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
