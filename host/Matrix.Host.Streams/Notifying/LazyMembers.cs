using Matrix.Host.Storage;

namespace Matrix.Host.Streams.Notifying;

/// <summary>
/// The membership events that a device was sent, so that redundant ones are left out.
/// v1.19 client-server-api#lazy-loading-room-members. Bounded: when full, all are forgotten, and some are sent again,
/// which is allowed. A response's events count as sent only when the device returns with that response's token, because
/// a response can be lost.
/// </summary>
internal sealed class LazyMembers
{
    /// <summary>The most membership events remembered for a device.</summary>
    internal const int Capacity = 4096;

    private readonly Lock _gate = new();
    private readonly Dictionary<(RoomNid Room, string UserId), EventNid> _sent = [];
    private readonly List<KeyValuePair<(RoomNid Room, string UserId), EventNid>> _unconfirmed = [];
    private string? _answered;

    /// <summary>
    /// The device syncs with a token: if it is the last response's, the device has that response's events.
    /// </summary>
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
                // The token is from an older response or an earlier process, so the device's members are unknown.
                _sent.Clear();
            }

            _unconfirmed.Clear();
            _answered = null;
        }
    }

    /// <summary>Whether the device is known to have this event.</summary>
    public bool Has(RoomNid room, string userId, EventNid nid)
    {
        lock (_gate) return _sent.TryGetValue((room, userId), out var sent) && sent == nid;
    }

    /// <summary>Records the membership events of the response that ends in a token.</summary>
    public void Answered(
        string token, IReadOnlyCollection<KeyValuePair<(RoomNid Room, string UserId), EventNid>> members)
    {
        lock (_gate)
        {
            _unconfirmed.Clear();
            _unconfirmed.AddRange(members.Take(Capacity));
            _answered = token;
        }
    }
}
