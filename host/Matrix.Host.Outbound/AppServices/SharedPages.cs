using Matrix.Host.Rooms.Changes;

namespace Matrix.Host.Outbound.AppServices;

/// <summary>
/// Pages of changes that several services read at about the same time: those that are not behind read the same ones.
/// </summary>
internal sealed class SharedPages(RoomChangesReader reader)
{
    private const int Kept = 4;

    private readonly Lock _gate = new();
    private readonly Queue<(long After, RoomChanges Page)> _last = new();

    /// <summary>A page of changes after a position.</summary>
    internal async ValueTask<RoomChanges> AfterAsync(long after, CancellationToken stop)
    {
        lock (_gate)
        {
            foreach (var (known, page) in _last)
            {
                if (known == after) return page;
            }
        }

        var read = await reader.AfterAsync(after, stop);
        lock (_gate)
        {
            _last.Enqueue((after, read));
            if (_last.Count > Kept) _last.Dequeue();
        }

        return read;
    }
}
