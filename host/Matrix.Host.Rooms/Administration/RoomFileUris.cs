using System.Text;
using System.Text.RegularExpressions;
using Matrix.Host.Rooms.Events;
using Matrix.Host.Rooms.Snapshots;
using Matrix.Host.Storage;

namespace Matrix.Host.Rooms.Administration;

/// <summary>The URIs of media in a room's events. What encrypted events name is not known.</summary>
public sealed partial class RoomFileUris(RoomSnapshots rooms, EventStore events, RoomsOptions options)
{
    private const int ReadAtOnce = 500;

    /// <summary>
    /// The URIs in the newest events of a room, as far as `admin.scanned_events` allows; null for an unknown room.
    /// </summary>
    public async ValueTask<IReadOnlyList<string>?> OfRoomAsync(string roomId, CancellationToken stop)
    {
        if (await rooms.FindAsync(roomId, stop) is not { } room) return null;
        var found = new HashSet<string>(StringComparer.Ordinal);
        var from = new EventNid(room.LastEvent.Value + 1);
        for (var read = 0; read < options.MaxScannedEvents;)
        {
            var page = await events.RangeAsync(room.Room, from, null, Direction.Backward, ReadAtOnce, stop);
            foreach (var stored in page)
            {
                foreach (Match uri in Uris().Matches(Encoding.UTF8.GetString(stored.Row.Json.Span)))
                {
                    found.Add(uri.Groups[1].Value);
                }
            }

            if (page.Count < ReadAtOnce) break;
            read += page.Count;
            from = page[^1].Nid;
        }

        return [.. found];
    }

    [GeneratedRegex("\"(mxc://[A-Za-z0-9.:\\[\\]-]+/[A-Za-z0-9_-]+)\"", RegexOptions.CultureInvariant)]
    private static partial Regex Uris();
}
