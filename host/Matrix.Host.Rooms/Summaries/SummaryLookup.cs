using Matrix.Core.Facade;
using Matrix.Core.Ident;
using Matrix.Core.Json;
using Matrix.Host.Rooms.Aliases;
using Matrix.Host.Rooms.Snapshots;
using Matrix.Host.Storage.Tables.Memberships;
using Matrix.Host.Storage.Tables.StrippedRooms;

namespace Matrix.Host.Rooms.Summaries;

/// <summary>A request for the summary of a room.</summary>
/// <param name="UserId">The user; null for somebody without an account.</param>
/// <param name="Who">The user, application service or address that causes requests to other servers.</param>
/// <param name="Room">The room's id, or an alias.</param>
/// <param name="Via">Servers that may know the room, as the client named them.</param>
/// <param name="MayAsk">Whether other servers may be asked now. Called before the first of them is.</param>
public sealed record SummaryRequest(
    string? UserId, string Who, string Room, IReadOnlyList<string> Via, Func<bool> MayAsk);

/// <summary>The summary of a room, as somebody sees it.</summary>
/// <param name="Membership">The user's membership; null for none, and without an account.</param>
public sealed record FoundSummary(RoomSummary Room, Membership? Membership);

/// <summary>
/// Finds the summary of a room: here, at other servers, or in the stripped state of the user's invite. Client-Server
/// API, `GET /room_summary/{roomIdOrAlias}`.
/// </summary>
public sealed class SummaryLookup(
    RoomSnapshots rooms,
    RoomSummaries summaries,
    SummaryAccess access,
    RemoteHierarchies remote,
    AliasResolver aliases,
    IMembershipsTable membershipsTable,
    StrippedRoomsTable strippedRoomsTable,
    RoomsOptions options,
    TimeProvider time)
{
    /// <summary>The summary, if the user may see it. Hidden rooms and unknown ones have the same failure.</summary>
    public async ValueTask<RoomResult<FoundSummary>> FindAsync(SummaryRequest request, CancellationToken stop)
    {
        var (roomId, via) = (request.Room, request.Via);
        if (roomId.StartsWith('#'))
        {
            var found = await aliases.FindAsync(request.Who, roomId, stop, request.MayAsk);
            if (!found.IsOk) return found.Failure.Kind == RoomFailureKind.Busy ? RoomAliasDirectory.NotNow : _missing;
            (roomId, via) = (found.Value.RoomId, [.. via, .. found.Value.Servers]);
        }

        var snapshot = await rooms.FindAsync(roomId, stop);
        var member = snapshot is null || request.UserId is null
            ? null
            : await membershipsTable.FindAsync(snapshot.Room.Nid, request.UserId, stop);
        if (snapshot is { IsResident: true })
        {
            var summary = await summaries.OfAsync(snapshot, stop);
            if (await access.MaySeeAsync(request.UserId, summary, member?.Membership, stop))
            {
                return new FoundSummary(summary, member?.Membership);
            }

            // As for a room that this server does not know, which costs a request of the rate.
            return request.MayAsk() ? _missing : RoomAliasDirectory.NotNow;
        }

        // Nobody here follows the room: its state here is old.
        var stripped = request.UserId is { } userId
            ? await strippedRoomsTable.FindAsync(userId, roomId, stop)
            : null;
        var open = stripped is { IsOpen: true } ? stripped : null;
        var membership = open?.Membership ?? member?.Membership ?? stripped?.Membership;
        if (!request.MayAsk()) return RoomAliasDirectory.NotNow;
        var elsewhere = await ElsewhereAsync(request.Who, roomId, via, open, stop);
        if (elsewhere is not null)
        {
            return await access.MaySeeAsync(request.UserId, elsewhere, membership, stop)
                ? new FoundSummary(elsewhere, membership)
                : _missing;
        }

        return open is not null && Described(open) is { } described
            ? new FoundSummary(described, membership)
            : _missing;
    }

    private async ValueTask<RoomSummary?> ElsewhereAsync(
        string who, string roomId, IReadOnlyList<string> via, StrippedRoomRow? open, CancellationToken stop)
    {
        using var patience = new CancellationTokenSource(options.HierarchyTime, time);
        string[] ofInvite = open is null ? [] : [open.Server];
        string[] ofId = roomId.Contains(':', StringComparison.Ordinal) ? [RoomNames.ServerOf(roomId)] : [];
        string[] servers = [.. ofInvite.Concat(via).Concat(ofId).Where(ServerName.IsValid).Distinct()];
        var found = await remote.FindAsync(who, roomId, servers, patience.Token, stop);
        return found?.Room.Summary is { } summary && summary.RoomId == roomId ? summary : null;
    }

    /// <summary>What the stripped state of an invite or knock says about the room; null if it says nothing.</summary>
    private static RoomSummary? Described(StrippedRoomRow row)
    {
        if (row.State.IsEmpty
            || !JsonText.TryParse(
                row.State.Span, Core.Json.Reading.Client, JsonText.FederationBodyLimits, out var json, out _)
            || json is not Json.Array { Item: var items })
        {
            return null;
        }

        var events = items.OfType<Json.Object>().Select(static each => each.Item).ToArray();
        return RoomSummary.OfStripped(row.RoomId, row.Version, events);
    }

    private static readonly RoomFailure _missing =
        new(RoomFailureKind.NotFound, "There is no such room, or you may not see its summary.");
}
