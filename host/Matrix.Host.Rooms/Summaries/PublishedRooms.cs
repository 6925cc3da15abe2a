using System.Globalization;
using Matrix.Core.Event;
using Matrix.Core.Ident;
using Matrix.Host.Network.FederationClient.Operations;
using Matrix.Host.Network.Slots;
using Matrix.Host.Rooms.Reading;
using Matrix.Host.Rooms.Sending;
using Matrix.Host.Rooms.Snapshots;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.Aliases;

namespace Matrix.Host.Rooms.Summaries;

/// <summary>A page of published rooms.</summary>
/// <param name="Next">The token of the next page; null for none.</param>
/// <param name="Previous">The token of the page before; null for none.</param>
/// <param name="Total">The number of published rooms, as far as it is known.</param>
public sealed record PublishedPage(IReadOnlyList<RoomSummary> Rooms, string? Next, string? Previous, long? Total);

/// <summary>
/// The directory of published rooms, this server's and those of others.
/// v1.19 client-server-api#published-room-directory; v1.19 server-server-api#published-room-directory
/// </summary>
public sealed class PublishedRooms(
    RoomSnapshots rooms,
    RoomSummaries summaries,
    RoomSender sender,
    FederationOperations api,
    UserRequests requests,
    AliasesTable aliasesTable,
    IStorageWriter writer,
    RoomsOptions options,
    ReadingOptions reading,
    TimeProvider time)
{
    /// <summary>
    /// The most rooms that are read at once. If all match, as many are read as the page lacks, and at least the fewest.
    /// </summary>
    private const int RowsAtOnce = 100;

    private const int FewestRowsAtOnce = 10;

    /// <summary>Up to this many rooms are counted for each request; a greater count is used for a while.</summary>
    private const int FewRooms = 10_000;

    private static readonly TimeSpan _countKept = TimeSpan.FromMinutes(1);

    private Counted? _own;
    private Counted? _all;

    /// <summary>Whether a room is published; null if the server does not know it.</summary>
    public async ValueTask<bool?> IsPublishedAsync(string roomId, CancellationToken stop) =>
        await rooms.FindAsync(roomId, stop) is { } snapshot
            ? await aliasesTable.IsPublishedAsync(snapshot.Room.Nid, stop)
            : null;

    /// <summary>
    /// Publishes a room or withdraws it. Allowed for members who may send the room's `m.room.canonical_alias`, and for
    /// administrators of the server.
    /// </summary>
    public async ValueTask<RoomFailure?> PublishAsync(
        string userId, bool isAdmin, string roomId, bool isPublished, CancellationToken stop)
    {
        if (await rooms.FindAsync(roomId, stop) is not { } snapshot) return _unknown;
        if (!isAdmin && !await sender.MaySendStateAsync(
            roomId, userId, EventTypes.CanonicalAlias, stop))
        {
            return new RoomFailure(
                RoomFailureKind.Forbidden, "Only members who may change the room's aliases may publish it.");
        }

        var change = new DirectoryVisibilityChanged(snapshot.Room.Nid, isPublished);
        await writer.WriteAsync(new WriteBatch(Authority.Nobody, 1).Add(change), stop);
        return null;
    }

    /// <summary>A page of this server's published rooms, those with the most members first.</summary>
    /// <returns>The page, or a failure if the token is not one of this server.</returns>
    public async ValueTask<RoomResult<PublishedPage>> PageAsync(PublicRoomsQuery query, CancellationToken stop)
    {
        var start = query.Since is { } since ? Parse(since) : new Start(null, IsBackward: false);
        if (start is null) return _badToken;
        var network = query.ThirdPartyInstanceId is { Length: > 0 } id ? id : null;
        if (network is not null && query.IncludeAllNetworks) return _bothNetworks;
        var directory = new RoomDirectory(network, query.IncludeAllNetworks);
        var (page, last) = await ScanAsync(directory, query, start, LimitOf(query), stop);
        if (start.IsBackward) page.Reverse();
        var (first, end) = page.Count > 0 ? (page[0].Row, page[^1].Row) : (start.Row, start.Row);
        var (previous, next) = start.IsBackward ? (last, end) : (start.Row is null ? null : first, last);
        return new PublishedPage(
            [.. page.Select(each => each.Summary)],
            next is null ? null : TokenOf('n', next),
            previous is null ? null : TokenOf('p', previous),
            await CountAsync(directory, stop));
    }

    /// <summary>About how many rooms a directory has.</summary>
    private async ValueTask<int> CountAsync(RoomDirectory directory, CancellationToken stop)
    {
        var now = time.GetUtcNow();
        var kept = directory.InstanceId is not null ? null : directory.IsAll ? _all : _own;
        if (kept is not null && now < kept.Until) return kept.Rooms;
        var count = await aliasesTable.PublishedCountAsync(directory, stop);
        if (directory.InstanceId is not null || count <= FewRooms) return count;
        var counted = new Counted(count, now + _countKept);
        if (directory.IsAll) _all = counted;
        else _own = counted;
        return count;
    }

    /// <summary>
    /// Publishes a room in the directory of an application service's network, or withdraws it.
    /// v1.19 application-service-api#published-room-directories
    /// </summary>
    /// <param name="instanceId">The network's `instance_id`, which clients send as `third_party_instance_id`.</param>
    public async ValueTask<RoomFailure?> PublishInNetworkAsync(
        string instanceId, string roomId, bool isPublished, CancellationToken stop)
    {
        if (await rooms.FindAsync(roomId, stop) is not { } snapshot) return _unknown;
        var change = new NetworkVisibilityChanged(instanceId, snapshot.Room.Nid, isPublished);
        await writer.WriteAsync(new WriteBatch(Authority.Nobody, 1).Add(change), stop);
        return null;
    }

    /// <summary>
    /// The first rooms after a place that the query admits, and the row after which others may follow; null if there
    /// are none. A query that few rooms match may return an empty page before the end.
    /// </summary>
    private async ValueTask<(List<Found> Page, PublishedRow? Last)> ScanAsync(
        RoomDirectory directory, PublicRoomsQuery query, Start start, int limit, CancellationToken stop)
    {
        var page = new List<Found>();
        var bytes = 0L;
        var last = start.Row;
        var aliases = aliasesTable;
        var scan = new ScanBudget(time, reading.LongestScan);
        var mayDiffer = query.RoomTypes is not null || query.SearchTerm is { Length: > 0 };
        for (var scanned = 0; scanned == 0 || (scanned < options.MaxScannedPublicRooms && scan.MayGoOn());)
        {
            var wanted = mayDiffer
                ? RowsAtOnce
                : Math.Clamp(limit + 1 - page.Count, FewestRowsAtOnce, RowsAtOnce);
            scanned += wanted;
            var rows = start.IsBackward
                ? await aliases.PublishedBeforeAsync(directory, last!, wanted, stop)
                : await aliases.PublishedAsync(directory, last, wanted, stop);

            // A room without local users is not one that this server can let anybody join.
            var found = (await rooms.FindManyAsync([.. rows.Select(row => row.Room)], stop))
                .Where(static snapshot => snapshot.IsResident)
                .ToDictionary(snapshot => snapshot.Room.Nid);
            await summaries.LoadAsync(found.Values, stop);
            foreach (var row in rows)
            {
                var before = last;
                last = row;
                if (!found.TryGetValue(row.Room, out var snapshot)) continue;
                var summary = await summaries.OfAsync(snapshot, stop);
                if (!Admits(query, summary)) continue;
                if (page.Count == limit || bytes >= reading.PageBytes) return (page, before);
                page.Add(new Found(row, summary));
                bytes += summary.Bytes;
            }

            if (rows.Count < wanted) return (page, null);
        }

        return (page, last);
    }

    /// <summary>A page of another server's published rooms.</summary>
    /// <param name="who">The user, application service or address that causes the request.</param>
    /// <param name="server">The server.</param>
    /// <param name="query">What is searched for.</param>
    public async ValueTask<RoomResult<PublishedPage>> RemotePageAsync(
        string who, string server, PublicRoomsQuery query, CancellationToken stop)
    {
        if (!ServerName.IsValid(server))
        {
            return new RoomFailure(RoomFailureKind.InvalidParam, "`server` is not a server's name.");
        }

        // Servers take a limit of 0 as none.
        var bounded = query with { Limit = LimitOf(query) };
        var sent = await requests.SendAsync(
            who, server, within => api.GetPublicRoomsAsync(server, bounded, within), stop);
        if (!sent.IsOk)
        {
            return new RoomFailure(
                RoomFailureKind.Unreachable, $"{server} did not return its rooms: {sent.Failure!.Message}");
        }

        var found = sent.Value;
        return new PublishedPage(
            [.. found.Chunk.Take(options.MaxPublicRooms).Select(RoomSummary.Of).OfType<RoomSummary>()],
            found.NextBatch,
            found.PrevBatch,
            found.Total);
    }

    private int LimitOf(PublicRoomsQuery query) =>
        query.Limit is > 0 and var asked ? Math.Min(asked, options.MaxPublicRooms) : options.MaxPublicRooms;

    private static bool Admits(PublicRoomsQuery query, RoomSummary room) =>
        (query.RoomTypes is null || query.RoomTypes.Contains(room.RoomType))
        && (query.SearchTerm is not { Length: > 0 } term
            || Contains(room.Name, term) || Contains(room.Topic, term) || Contains(room.CanonicalAlias, term));

    private static bool Contains(string? text, string term) =>
        text?.Contains(term, StringComparison.OrdinalIgnoreCase) ?? false;

    private static string TokenOf(char direction, PublishedRow row) =>
        string.Create(CultureInfo.InvariantCulture, $"{direction}{row.JoinedCount}_{row.Room.Value}");

    /// <summary>The place that a token names; null if it is not one of this server.</summary>
    private static Start? Parse(string token)
    {
        var middle = token.IndexOf('_', StringComparison.Ordinal);
        return token.Length > 0
            && token[0] is 'n' or 'p'
            && middle > 0
            && int.TryParse(token.AsSpan(1, middle - 1), NumberStyles.None, CultureInfo.InvariantCulture, out var count)
            && int.TryParse(token.AsSpan(middle + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var room)
                ? new Start(new PublishedRow(new RoomNid(room), "", count), token[0] == 'p')
                : null;
    }

    /// <param name="Row">The row before the first of the page, or after the last if it goes backward; null for the
    /// first page.</param>
    private sealed record Start(PublishedRow? Row, bool IsBackward);

    private sealed record Found(PublishedRow Row, RoomSummary Summary);

    private sealed record Counted(int Rooms, DateTimeOffset Until);

    private static readonly RoomFailure _unknown =
        new(RoomFailureKind.NotFound, "This server does not know the room.");

    private static readonly RoomFailure _bothNetworks = new(
        RoomFailureKind.InvalidParam, "`third_party_instance_id` cannot be used with `include_all_networks`.");

    private static readonly RoomFailure _badToken =
        new(RoomFailureKind.InvalidParam, "`since` is not a token of this server.");
}
