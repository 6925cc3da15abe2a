using Matrix.Core.Event;
using Matrix.Host.Rooms.Sending;
using Matrix.Host.Rooms.Snapshots;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.Aliases;
using Matrix.Host.Storage.Tables.Memberships;

namespace Matrix.Host.Rooms.Aliases;

/// <summary>Aliases of rooms. v1.19 client-server-api#room-aliases</summary>
public sealed class RoomAliasDirectory(
    IMembershipsTable membershipsTable,
    AliasesTable aliasesTable,
    IStorageWriter writer,
    RoomSnapshots rooms,
    StateReader state,
    RoomSender sender,
    RoomsOptions options,
    IAliasQueries? queries = null)
{
    /// <summary>The alias; null if there is none of that name.</summary>
    public ValueTask<AliasRow?> FindAsync(string alias, CancellationToken stop) =>
        aliasesTable.FindAsync(alias, stop);

    /// <summary>
    /// The alias; application services whose namespaces include one that does not exist are asked to create it.
    /// </summary>
    /// <param name="mayAsk">Whether a service may be asked now. Called before one is; null for always.</param>
    public async ValueTask<RoomResult<AliasRow>> FindOrAskAsync(
        string alias, CancellationToken stop, Func<bool>? mayAsk = null)
    {
        if (await FindAsync(alias, stop) is { } row) return row;
        if (queries is null) return Missing(alias);
        if (mayAsk?.Invoke() == false) return NotNow;
        var asked = await queries.AskAsync(alias, stop);
        if (asked == AliasQueryResult.NoAnswer)
        {
            return new RoomFailure(
                RoomFailureKind.TimedOut, "The application service of the alias did not answer.");
        }

        return asked == AliasQueryResult.Exists && await FindAsync(alias, stop) is { } created
            ? created
            : Missing(alias);
    }

    /// <summary>
    /// The servers that are joined to a room, this one first, as far as the limits of the directory allow.
    /// </summary>
    public async ValueTask<IReadOnlyList<string>> ServersAsync(AliasRow alias, CancellationToken stop)
    {
        var members = await membershipsTable.MembersAsync(
            alias.Room, MembershipSet.Join, afterUser: "", options.MaxDirectoryMembers, stop);
        var isHere = await rooms.FindAsync(alias.RoomId, stop) is { IsResident: true };
        string[] first = isHere ? [options.ServerName] : [];
        return [.. first
            .Concat(members.Select(member => RoomNames.ServerOf(member.UserId)))
            .Distinct()
            .Take(options.MaxDirectoryServers)];
    }

    /// <summary>Gives a room an alias; its members may.</summary>
    /// <param name="userId">The creator.</param>
    /// <param name="isBounded">Whether the creator's aliases are bounded: not those of application services.</param>
    /// <param name="alias">The alias.</param>
    /// <param name="roomId">The room.</param>
    /// <returns>Null if it was created.</returns>
    public async ValueTask<RoomFailure?> CreateAsync(
        string userId, bool isBounded, string alias, string roomId, CancellationToken stop)
    {
        if (await rooms.FindAsync(roomId, stop) is not { } snapshot
            || !snapshot.Local.IsJoined(userId))
        {
            return RoomFailure.Unknown;
        }

        var create = new AliasCreated(alias, snapshot.Room.Nid, userId);
        var fits = new AliasesFewerThan(userId, options.MaxAliases);
        var batch = new WriteBatch(Authority.Nobody, 1);
        if (isBounded) batch.Require(fits);
        var receipt = await writer.WriteAsync(batch.Require(create), stop);
        return !receipt.Refused ? null
            : isBounded && !fits.Applied ? RoomCreator.TooManyAliases(options)
            : new RoomFailure(RoomFailureKind.AliasTaken, $"The alias {alias} exists already.");
    }

    /// <summary>
    /// Deletes an alias. Allowed for its creator, for users who may send the room's `m.room.canonical_alias`, and for
    /// administrators of the server.
    /// </summary>
    /// <returns>Null if it was deleted.</returns>
    public async ValueTask<RoomFailure?> DeleteAsync(string userId, bool isAdmin, string alias, CancellationToken stop)
    {
        if (await aliasesTable.FindAsync(alias, stop) is not { } row) return Missing(alias);
        if (row.Creator != userId && !isAdmin
            && !await sender.MaySendStateAsync(
                row.RoomId, userId, EventTypes.CanonicalAlias, stop))
        {
            return new RoomFailure(
                RoomFailureKind.Forbidden,
                "You did not create this alias, and you may not change the aliases of its room.");
        }

        var batch = new WriteBatch(Authority.Nobody, 1).Require(new AliasDeleted(alias));
        return (await writer.WriteAsync(batch, stop)).Refused ? Missing(alias) : null;
    }

    /// <summary>
    /// A room's aliases: for its members, and for everyone where its history is world-readable. Null for others.
    /// </summary>
    /// <param name="userId">The user; null for an administrator, who sees those of all rooms.</param>
    public async ValueTask<IReadOnlyList<string>?> OfRoomAsync(string? userId, string roomId, CancellationToken stop)
    {
        if (await rooms.FindAsync(roomId, stop) is not { } snapshot) return null;
        if (userId is not null && !snapshot.Local.IsJoined(userId))
        {
            var visibility = await state.ContentAsync(snapshot, EventTypes.HistoryVisibility, "", stop);
            if (visibility?.Text("history_visibility") != "world_readable") return null;
        }

        return await aliasesTable.OfRoomAsync(snapshot.Room.Nid, stop);
    }

    /// <summary>The failure of a look-up for which nobody else may be asked now.</summary>
    internal static RoomFailure NotNow { get; } =
        new(RoomFailureKind.Busy, "Too many requests that need other servers.");

    /// <summary>The failure for an alias that does not exist.</summary>
    public static RoomFailure Missing(string alias) =>
        new(RoomFailureKind.NotFound, $"There is no room with the alias {alias}.");
}
