using Matrix.Host.Rooms.Events;
using Matrix.Host.Rooms.Reading;
using Matrix.Host.Rooms.Servers;
using Matrix.Host.Rooms.Snapshots;
using Matrix.Host.Storage.Tables.Memberships;
using Matrix.Host.Storage.Tables.StrippedRooms;

namespace Matrix.Host.Rooms.Summaries;

/// <summary>A room in the tree of a space.</summary>
public sealed record HierarchyRoom(RoomSummary Summary, IReadOnlyList<SpaceChild> Children)
{
    /// <summary>About the bytes that it takes in a response.</summary>
    public long Bytes => Summary.Bytes + Children.Sum(static child => child.Bytes);
}

/// <summary>A part of the tree of a space.</summary>
/// <param name="Next">Where the tree goes on; null at its end.</param>
public sealed record HierarchyPage(IReadOnlyList<HierarchyRoom> Rooms, HierarchyPlace? Next);

/// <summary>A room and its children, for another server.</summary>
/// <param name="Inaccessible">Children that the server has no way to see.</param>
public sealed record ServedHierarchy(
    HierarchyRoom Room, IReadOnlyList<HierarchyRoom> Children, IReadOnlyList<string> Inaccessible);

/// <summary>
/// The rooms of spaces. v1.19 client-server-api#spaces (`GET /rooms/{roomId}/hierarchy`);
/// v1.19 server-server-api#spaces
/// </summary>
public sealed class SpaceHierarchy(
    RoomSnapshots rooms,
    RoomSummaries summaries,
    EventStore events,
    RemoteHierarchies remote,
    SummaryAccess viewers,
    ServerAccess access,
    IMembershipsTable membershipsTable,
    StrippedRoomsTable strippedRoomsTable,
    RoomsOptions options,
    ReadingOptions reading,
    TimeProvider time)
{
    private const string SpaceType = "m.space";

    /// <summary>
    /// A part of the tree of a space, its root first, depth first: the rooms that a user may see.
    /// </summary>
    /// <param name="userId">The user.</param>
    /// <param name="who">The user or application service that causes requests to other servers.</param>
    /// <param name="rootId">The space.</param>
    /// <param name="suggestedOnly">Whether only suggested children are considered.</param>
    /// <param name="depth">The most levels below the root.</param>
    /// <param name="from">Where the part begins.</param>
    /// <param name="limit">The most rooms of the part.</param>
    /// <returns>The part, or a failure if the user may not see the root.</returns>
    public async ValueTask<RoomResult<HierarchyPage>> OfUserAsync(
        string userId,
        string who,
        string rootId,
        bool suggestedOnly,
        int depth,
        HierarchyPlace from,
        int limit,
        CancellationToken stop)
    {
        using var patience = new CancellationTokenSource(options.HierarchyTime, time);
        return await WalkAsync(
            rootId,
            suggestedOnly,
            depth,
            from,
            limit,
            async next => await KnownHereAsync(userId, next.RoomId, stop)
                ?? await ElsewhereAsync(userId, who, next, patience.Token, stop));
    }

    /// <summary>
    /// A part of the tree of a space for an administrator: all rooms whose state this server follows. No other server
    /// is asked.
    /// </summary>
    public ValueTask<RoomResult<HierarchyPage>> OfAdministratorAsync(
        string rootId, bool suggestedOnly, int depth, HierarchyPlace from, int limit, CancellationToken stop) =>
        WalkAsync(
            rootId,
            suggestedOnly,
            depth,
            from,
            limit,
            async next => await HereAsync(next.RoomId, stop) is { } snapshot
                ? await VisitedAsync(snapshot, stop)
                : _nothing);

    private async ValueTask<Visited> VisitedAsync(RoomSnapshot snapshot, CancellationToken stop)
    {
        var summary = await summaries.OfAsync(snapshot, stop);
        return new Visited(await WithChildrenAsync(snapshot, summary, stop), null);
    }

    private async ValueTask<RoomResult<HierarchyPage>> WalkAsync(
        string rootId,
        bool suggestedOnly,
        int depth,
        HierarchyPlace from,
        int limit,
        Func<Pending, ValueTask<Visited>> visitAsync)
    {
        var part = new HierarchyPart(from, limit, reading.PageBytes);
        var pending = new Stack<Pending>();
        pending.Push(new Pending(rootId, [], 0, null));
        var met = new HashSet<string>();
        for (var visited = 0; visited < options.MaxVisitedHierarchyRooms && pending.TryPop(out var next);)
        {
            if (!met.Add(next.RoomId)) continue;
            visited++;
            var visit = await visitAsync(next);
            if (visit.Room is null)
            {
                if (next.Level == 0) return _hidden;
                continue;
            }

            var room = Filtered(visit.Room, suggestedOnly);
            if (part.IsFullWith(room)) break;
            if (next.Level >= Math.Min(depth, options.MaxHierarchyDepth)) continue;
            foreach (var child in room.Children.Reverse())
            {
                pending.Push(new Pending(
                    child.RoomId, child.Via, next.Level + 1, visit.Below?.GetValueOrDefault(child.RoomId)));
            }
        }

        return part.Page;
    }

    /// <summary>A room and its children that are known here, as far as another server may see them.</summary>
    public async ValueTask<RoomResult<ServedHierarchy>> OfServerAsync(
        string server, string rootId, bool suggestedOnly, CancellationToken stop)
    {
        if (await HereAsync(rootId, stop) is not { } snapshot
            || await access.DeniesAsync(server, snapshot, stop))
        {
            return ServerAccess.Unknown;
        }

        if (await ReadForAsync(server, snapshot, stop) is not { } root)
        {
            return ServerAccess.Unknown;
        }

        var children = new List<HierarchyRoom>();
        var inaccessible = new List<string>();
        var visited = 0;
        root = Filtered(root, suggestedOnly);
        foreach (var child in root.Children)
        {
            if (children.Count + inaccessible.Count == options.MaxHierarchyRooms
                || visited++ == options.MaxVisitedHierarchyRooms)
            {
                break;
            }

            if (await HereAsync(child.RoomId, stop) is not { } found) continue;
            if (!await access.DeniesAsync(server, found, stop)
                && await ReadForAsync(server, found, stop) is { } room)
            {
                children.Add(Filtered(room, suggestedOnly));
            }
            else
            {
                inaccessible.Add(child.RoomId);
            }
        }

        return new ServedHierarchy(root, children, inaccessible);
    }

    /// <summary>A room whose state this server follows.</summary>
    private async ValueTask<RoomSnapshot?> HereAsync(string roomId, CancellationToken stop) =>
        await rooms.FindAsync(roomId, stop) is { IsResident: true } snapshot
            ? snapshot
            : null;

    /// <summary>A room for a server; null if the server may not see it. Children are read only if it may.</summary>
    private async ValueTask<HierarchyRoom?> ReadForAsync(string server, RoomSnapshot snapshot, CancellationToken stop)
    {
        var summary = await summaries.OfAsync(snapshot, stop);
        return await viewers.MayServerSeeAsync(server, snapshot, summary, stop)
            ? await WithChildrenAsync(snapshot, summary, stop)
            : null;
    }

    private async ValueTask<HierarchyRoom> WithChildrenAsync(
        RoomSnapshot snapshot, RoomSummary summary, CancellationToken stop) => new(
        summary,
        summary.RoomType == SpaceType
            ? await SpaceChild.OfAsync(
                snapshot, events, options.MaxSpaceChildren, reading.PageBytes, stop)
            : []);

    private async ValueTask<Visited?> KnownHereAsync(string userId, string roomId, CancellationToken stop)
    {
        if (await HereAsync(roomId, stop) is not { } snapshot) return null;
        var summary = await summaries.OfAsync(snapshot, stop);
        var member = await membershipsTable.FindAsync(snapshot.Room.Nid, userId, stop);
        if (member is { Membership: Membership.Ban }) return _nothing;
        return await viewers.MaySeeAsync(userId, summary, member?.Membership, stop)
            ? new Visited(await WithChildrenAsync(snapshot, summary, stop), null)
            : _nothing;
    }

    /// <summary>A room that only other servers know.</summary>
    private async ValueTask<Visited> ElsewhereAsync(
        string userId, string who, Pending next, CancellationToken patience, CancellationToken stop)
    {
        // The root is known here, or not visible.
        if (next.Level == 0) return _nothing;
        var room = next.Known;
        IReadOnlyDictionary<string, HierarchyRoom>? below = null;
        if ((room is null || room.Children.Count > 0)
            && await remote.FindAsync(who, next.RoomId, next.Via, patience, stop)
                is { } found)
        {
            room = found.Room;
            below = found.Children;
        }

        if (room is null) return _nothing;
        var stripped = room.Summary.IsOpen
            ? null
            : await strippedRoomsTable.FindAsync(userId, next.RoomId, stop);
        var membership = stripped is { IsOpen: true } ? stripped.Membership : (Membership?)null;
        return await viewers.MaySeeAsync(userId, room.Summary, membership, stop)
            ? new Visited(room, below)
            : _nothing;
    }

    private static HierarchyRoom Filtered(HierarchyRoom room, bool suggestedOnly) => suggestedOnly
        ? room with { Children = [.. room.Children.Where(static child => child.IsSuggested)] }
        : room;

    private static readonly Visited _nothing = new(null, null);

    private static readonly RoomFailure _hidden =
        new(RoomFailureKind.UnknownRoom, "You are not allowed to view this room.");

    /// <summary>A room to visit.</summary>
    /// <param name="RoomId">Its id.</param>
    /// <param name="Via">Servers that may know it.</param>
    /// <param name="Level">The number of spaces above it.</param>
    /// <param name="Known">What the parent's server said about it.</param>
    private sealed record Pending(string RoomId, IReadOnlyList<string> Via, int Level, HierarchyRoom? Known);

    /// <summary>A visited room; without one if the user may not see it.</summary>
    /// <param name="Room">The room.</param>
    /// <param name="Below">What its server said about its children.</param>
    private sealed record Visited(HierarchyRoom? Room, IReadOnlyDictionary<string, HierarchyRoom>? Below);
}
