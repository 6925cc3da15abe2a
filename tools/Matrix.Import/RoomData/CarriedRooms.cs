using Matrix.Host.Storage;
using Matrix.Import.Runs;

namespace Matrix.Import.RoomData;

/// <summary>
/// The numbers of Synapse's rooms here. What belongs to a room that was not carried is left out, by the room's name.
/// </summary>
/// <param name="context">The import.</param>
/// <param name="progress">The part's progress.</param>
/// <param name="kind">What the part carries, such as `receipts`.</param>
internal sealed class CarriedRooms(ImportContext context, PartProgress progress, string kind)
{
    private const int MostKnown = 50_000;

    private readonly Dictionary<string, RoomNid?> _known = new(StringComparer.Ordinal);
    private readonly HashSet<string> _named = new(StringComparer.Ordinal);

    /// <summary>The room's number; null if the room is not here, which the report says once.</summary>
    /// <param name="roomId">The room.</param>
    /// <param name="things">What is left out if it is not here.</param>
    public async ValueTask<RoomNid?> FindAsync(string roomId, CancellationToken stop, int things = 1)
    {
        if (!_known.TryGetValue(roomId, out var nid))
        {
            if (_known.Count >= MostKnown) _known.Clear();
            _known[roomId] = nid = (await context.Target.Rooms.FindAsync(roomId, stop))?.Nid;
        }

        if (nid is not null || things == 0) return nid;
        if (_named.Add(roomId))
        {
            progress.LeaveOut(kind, roomId, "The room was not carried.");
            things--;
        }

        if (things > 0) progress.LeftOutWith(kind, things);
        return null;
    }
}
