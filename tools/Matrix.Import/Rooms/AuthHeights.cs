using Matrix.Core.Event;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.AuthChains;

namespace Matrix.Import.Rooms;

/// <summary>
/// The auth events of a room's state events, and their heights. An event that comes before one of its auth events waits
/// for it, at the latest until the end.
/// </summary>
internal sealed class AuthHeights(RoomNid room, EventIndex events, RoomChanges changes)
{
    private readonly Dictionary<int, int> _heights = [];
    private readonly Dictionary<int, int[]> _waiting = [];

    /// <summary>Takes a state event that was not rejected.</summary>
    public void Take(int at, Pdu pdu)
    {
        var named = pdu.AuthEvents.Select(events.Find).Where(each => each >= 0 && each != at).Distinct().ToArray();
        if (!TryWrite(at, named)) _waiting[at] = named;
    }

    /// <summary>Writes what still waits.</summary>
    public void End()
    {
        while (_waiting.Count > 0)
        {
            var written = _waiting.Where(each => TryWrite(each.Key, each.Value)).Select(static each => each.Key);
            var ended = written.ToList();
            foreach (var at in ended) _waiting.Remove(at);
            if (ended.Count == 0) break;
        }

        foreach (var (at, named) in _waiting.OrderBy(static each => each.Key))
        {
            Write(at, named, AuthEventsIndexed.UnknownHeight);
        }
    }

    private bool TryWrite(int at, int[] named)
    {
        var height = 0;
        foreach (var each in named)
        {
            // A rejected event has no height of its own, and may be named all the same.
            if (_heights.TryGetValue(each, out var known)) height = Math.Max(height, known + 1);
            else if (!events.Is(each, EventTraits.Rejected)) return false;
        }

        _heights[at] = height;
        Write(at, named, height);
        return true;
    }

    private void Write(int at, int[] named, int height)
    {
        var here = named.Where(each => !events.Is(each, EventTraits.LeftOut)).Select(NidOf);
        changes.Add(new AuthEventsIndexed(NidOf(at), [.. here], height));
    }

    private EventNid NidOf(int at) => EventNid.Of(room, events.Ordinal(at));
}
