using System.Globalization;
using Matrix.Core.Ident;
using Matrix.Host.Network.FederationClient.Operations;
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
/// The directory of published rooms, this server's and those of others. Client-Server API, "Listing rooms";
/// Server-Server API, "Published Room Directory".
/// </summary>
public sealed class PublishedRooms(
    RoomSnapshots rooms,
    RoomSummaries summaries,
    RoomSender sender,
    FederationApi api,
    IStorage storage,
    RoomsOptions options)
{
    private const int RowsAtOnce = 100;

    /// <summary>Whether a room is published; null if the server does not know it.</summary>
    public async ValueTask<bool?> IsPublishedAsync(string roomId, CancellationToken stop) =>
        await rooms.FindAsync(roomId, stop).ConfigureAwait(false) is { } snapshot
            ? await storage.Aliases.IsPublishedAsync(snapshot.Room.Nid, stop).ConfigureAwait(false)
            : null;

    /// <summary>
    /// Publishes a room or withdraws it. Allowed for members who may send the room's `m.room.canonical_alias`, and for
    /// administrators of the server.
    /// </summary>
    public async ValueTask<RoomFailure?> PublishAsync(
        string userId, bool isAdmin, string roomId, bool isPublished, CancellationToken stop)
    {
        if (await rooms.FindAsync(roomId, stop).ConfigureAwait(false) is not { } snapshot) return _unknown;
        if (!isAdmin && !await sender.MaySendStateAsync(
            roomId, userId, "m.room.canonical_alias", stop).ConfigureAwait(false))
        {
            return new RoomFailure(
                RoomFailureKind.Forbidden, "Only members who may change the room's aliases may publish it.");
        }

        var change = new DirectoryVisibilityChanged(snapshot.Room.Nid, isPublished);
        await storage.Writer.WriteAsync(new WriteBatch(1).Add(change), stop).ConfigureAwait(false);
        return null;
    }

    /// <summary>A page of this server's published rooms, those with the most members first.</summary>
    /// <returns>The page, or a failure if the token is not one of this server.</returns>
    public async ValueTask<RoomResult<PublishedPage>> PageAsync(PublicRoomsQuery query, CancellationToken stop)
    {
        ArgumentNullException.ThrowIfNull(query);
        var start = query.Since is { } since ? Parse(since) : new Start(null, IsBackward: false);
        if (start is null) return _badToken;

        // There are no networks of application services, and none of their rooms either.
        if (query.ThirdPartyInstanceId is { Length: > 0 } && !query.IncludeAllNetworks)
        {
            return new PublishedPage([], null, null, 0);
        }

        var limit = query.Limit is > 0 and var asked ? Math.Min(asked, options.MaxPublicRooms) : options.MaxPublicRooms;
        var (page, hasMore) = await ScanAsync(query, start, limit, stop).ConfigureAwait(false);
        if (start.IsBackward) page.Reverse();
        var hasNext = start.IsBackward || hasMore;
        var hasPrevious = start.IsBackward ? hasMore : start.Row is not null;
        return new PublishedPage(
            [.. page.Select(each => each.Summary)],
            hasNext && page.Count > 0 ? TokenOf('n', page[^1].Row) : null,
            hasPrevious && page.Count > 0 ? TokenOf('p', page[0].Row) : null,
            await storage.Aliases.PublishedCountAsync(stop).ConfigureAwait(false));
    }

    /// <summary>The first rooms after a place that the query admits, and whether there are more.</summary>
    private async ValueTask<(List<Found> Page, bool HasMore)> ScanAsync(
        PublicRoomsQuery query, Start start, int limit, CancellationToken stop)
    {
        var page = new List<Found>();
        var last = start.Row;
        for (var scanned = 0; scanned < options.MaxScannedPublicRooms; scanned += RowsAtOnce)
        {
            var rows = start.IsBackward
                ? await storage.Aliases.PublishedBeforeAsync(last!, RowsAtOnce, stop).ConfigureAwait(false)
                : await storage.Aliases.PublishedAsync(last, RowsAtOnce, stop).ConfigureAwait(false);
            foreach (var row in rows)
            {
                last = row;

                // A room without local users is not one that this server can let anybody join.
                if (await rooms.FindAsync(row.RoomId, stop).ConfigureAwait(false)
                    is not { Local.Joined.Count: > 0 } snapshot)
                {
                    continue;
                }

                var summary = await summaries.OfAsync(snapshot, stop).ConfigureAwait(false);
                if (!Admits(query, summary)) continue;
                if (page.Count == limit) return (page, true);
                page.Add(new Found(row, summary));
            }

            if (rows.Count < RowsAtOnce) break;
        }

        return (page, false);
    }

    /// <summary>A page of another server's published rooms.</summary>
    public async ValueTask<RoomResult<PublishedPage>> RemotePageAsync(
        string server, PublicRoomsQuery query, CancellationToken stop)
    {
        ArgumentNullException.ThrowIfNull(query);
        if (!ServerName.isValid(server))
        {
            return new RoomFailure(RoomFailureKind.InvalidParam, "`server` is not a server's name.");
        }

        var bounded = query with { Limit = Math.Min(query.Limit ?? options.MaxPublicRooms, options.MaxPublicRooms) };
        var sent = await api.GetPublicRoomsAsync(server, bounded, stop).ConfigureAwait(false);
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

    private static readonly RoomFailure _unknown =
        new(RoomFailureKind.NotFound, "This server does not know the room.");

    private static readonly RoomFailure _badToken =
        new(RoomFailureKind.InvalidParam, "`since` is not a token of this server.");
}
