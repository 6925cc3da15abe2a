using Matrix.Host.Storage;

namespace Matrix.Host.Streams.Notifying;

/// <summary>
/// Which membership events a device was sent, so that redundant ones are left out. Client-Server API, "Lazy-loading room members".
/// Bounded: when full, it forgets all, and the device is sent some again, which is allowed.
/// </summary>
/// <remarks>
/// What an answer held counts as sent only when the device comes back with that answer's token: an answer can be lost on its way.
/// </remarks>
internal sealed class LazyMembers
{
    /// <summary>How many membership events are remembered for a device.</summary>
    internal const int Capacity = 4096;

    private readonly Lock _gate = new();
    private readonly Dictionary<(RoomNid Room, string UserId), EventNid> _sent = [];
    private readonly List<KeyValuePair<(RoomNid Room, string UserId), EventNid>> _unconfirmed = [];
    private string? _answered;

    /// <summary>The device comes with a token: if it is the one answered last, it has what that answer held.</summary>
    public void Returned(string? since)
    {
        lock (_gate)
        {
            if (since is null)
            {
                _sent.Clear();
            }
            else if (since == _answered)
            {
                foreach (var (key, nid) in _unconfirmed)
                {
                    if (_sent.Count >= Capacity) _sent.Clear();
                    _sent[key] = nid;
                }
            }
            else if (_answered is not null)
            {
                // An older answer, or one of another process start: what it held is not known any more.
                _sent.Clear();
            }

            _unconfirmed.Clear();
            _answered = null;
        }
    }

    /// <summary>Whether the device is known to have this very event.</summary>
    public bool Has(RoomNid room, string userId, EventNid nid)
    {
        lock (_gate) return _sent.TryGetValue((room, userId), out var sent) && sent == nid;
    }

    /// <summary>The answer that ends in a token holds these.</summary>
    public void Answered(string token, IReadOnlyCollection<KeyValuePair<(RoomNid Room, string UserId), EventNid>> members)
    {
        lock (_gate)
        {
            _unconfirmed.Clear();
            _unconfirmed.AddRange(members.Take(Capacity));
            _answered = token;
        }
    }
}
