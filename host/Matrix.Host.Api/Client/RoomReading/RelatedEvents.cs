using Matrix.Host.Rooms.Events;
using Matrix.Host.Rooms.Reading;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.Events;
using Matrix.Host.Storage.Tables.Relations;
using Matrix.Host.Users.AccountData;

namespace Matrix.Host.Api.Client.RoomReading;

/// <summary>Reads the events of relations as a user sees them.</summary>
internal sealed class RelatedEvents(
    EventStore events, Visibility visibility, IgnoredUsers ignored, ReadingOptions reading)
{
    /// <summary>
    /// The events of a page that the user sees, up to the bytes of a page, and the last one that was looked at if the
    /// next page may have more.
    /// </summary>
    internal async ValueTask<(IReadOnlyList<StoredEvent> Seen, EventNid? Next)> SeenAsync(
        Readable readable, IReadOnlyList<RelationRow> rows, int limit, CancellationToken stop)
    {
        var hidden = await ignored.OfAsync(readable.Viewer.UserId, stop);
        var page = rows.Take(limit).Where(row => !hidden.Contains(row.Sender)).Select(row => row.Event).ToArray();
        var seen = new List<StoredEvent>();
        var (bytes, looked) = (0L, 0);
        await foreach (var portion in events.PortionsAsync(readable.Room, page, stop))
        {
            looked += portion.Count;
            bytes += portion.Sum(static stored => (long)stored.Row.Json.Length);
            seen.AddRange(await visibility.FilterAsync(
                readable.Room,
                [.. portion.Where(stored => stored.Nid.Value <= readable.Through.Value)],
                readable.Viewer,
                stop));
            if (bytes >= reading.PageBytes && looked < page.Length) return (seen, portion[^1].Nid);
        }

        return (seen, rows.Count > limit ? rows[limit - 1].Event : null);
    }
}
