using System.Formats.Cbor;
using Matrix.Core.Cluster;
using Matrix.Core.Presence;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Ownership;
using Matrix.Host.Storage.Ownership.Told;
using Matrix.Host.Storage.Tables.Shards;

namespace Matrix.Host.Users.Presence;

/// <summary>
/// What nodes tell each other: the node that has the shard of a user, or of a user's server, tells what it shows. The
/// others show it too, each to its own clients, servers and services.
/// </summary>
public sealed partial class PresenceBoard : IToldItems
{
    private const int Members = 5;

    /// <summary>What tells other nodes who is present; null where a test needs none.</summary>
    public ToldMemory? Told { get; }

    NodeTellKind IToldItems.Kind => NodeTellKind.Presence;

    /// <summary>What tells other nodes which devices of their users sync here; null if there are none.</summary>
    internal PresenceVisits? Visits { get; }

    IReadOnlyCollection<string> IToldItems.Own()
    {
        lock (_gate)
        {
            return
            [
                .. _users.Values.Where(user => user.Published.State != PresenceState.Offline && IsOwn(user))
                    .Select(static user => user.UserId),
            ];
        }
    }

    bool IToldItems.TryWrite(string key, CborWriter value)
    {
        lock (_gate)
        {
            if (!_users.TryGetValue(key, out var user) || !IsOwn(user)) return false;
            var shown = user.Published;
            value.WriteStartArray(Members);
            value.WriteBoolean(user.IsLocal);
            value.WriteInt32((int)shown.State);
            value.WriteBoolean(shown.IsCurrentlyActive);
            if (shown.Status is { } status) value.WriteTextString(status);
            else value.WriteNull();
            value.WriteInt64(user.LastActive > 0 ? Math.Max(0, Now - user.LastActive) : -1);
            value.WriteEndArray();
            return true;
        }
    }

    void IToldItems.Take(NodeIncarnation from, string key, CborReader value)
    {
        if (value.ReadStartArray() != Members) throw new CborContentException("presence");
        var isLocal = value.ReadBoolean();
        var state = (PresenceState)value.ReadInt32();
        var isActive = value.ReadBoolean();
        string? status = null;
        if (value.PeekState() == CborReaderState.Null) value.ReadNull();
        else status = value.ReadTextString();
        var ago = value.ReadInt64();
        value.ReadEndArray();
        if (!IsOn || state is not (PresenceState.Offline or PresenceState.Unavailable or PresenceState.Online)) return;
        var now = Now;
        var shown = new PublishedPresence(state, isActive, status);
        lock (_gate) Take(from, key, isLocal, shown, ago is < 0 or > ReceivedPresence.LongestAgo ? 0 : now - ago, now);
    }

    void IToldItems.Keep(NodeIncarnation from, Predicate<string> isKept)
    {
        var owner = new ShardOwner(from.Node, from.Incarnation);
        lock (_gate)
        {
            var now = Now;
            foreach (var user in _users.Values)
            {
                if (user.IsOwn || user.RemoteState == PresenceState.Offline || isKept(user.UserId)) continue;
                if (user.From is { } teller ? !from.Equals(teller) : _owners?.Of(user.Shard) != owner) continue;
                user.Tell(from, new PublishedPresence(PresenceState.Offline, false, user.Status), 0);
                Changed(user, now);
            }
        }
    }

    void IToldItems.Drop(NodeIncarnation from)
    {
        lock (_gate)
        {
            // As long as a device may be silent: the node that gets the shard goes on with what it was told.
            var now = Now;
            foreach (var user in _users.Values.Where(user => !user.IsOwn && Equals(user.From, from)))
            {
                user.KeptUntil = now + (long)_options.OfflineAfter.TotalMilliseconds;
                Changed(user, now);
            }
        }
    }

    /// <summary>A device syncs at another node.</summary>
    internal void Seen(UserDevice device, PresenceState state)
    {
        if (!IsOn || !TryEnter(device.UserId, isLocal: true, out var visit)) return;
        using var inside = visit;
        var now = Now;
        lock (_gate)
        {
            if (FindOrAdd(device.UserId, isLocal: true) is not { } user) return;
            user.HasReturned();
            user.Devices = user.Devices.SyncBegan(device.DeviceId, state, now, _limits).SyncEnded(device.DeviceId, now);
            Changed(user, now);
        }
    }

    private void Take(
        NodeIncarnation from, string userId, bool isLocal, PublishedPresence shown, long lastActive, long now)
    {
        if (_gates.IsOpen(AuthorityOf(userId, isLocal))) return;
        if (!_users.TryGetValue(userId, out var user))
        {
            if (shown.State == PresenceState.Offline) return;
            if (Add(userId, isLocal) is not { } added) return;
            user = added;
        }

        // As for what other servers tell: of a user who is not said to be active, each further activity counts.
        if (!shown.IsCurrentlyActive
            && user.RemoteLastActive > 0
            && lastActive - user.RemoteLastActive >= (long)_options.ActiveFor.TotalMilliseconds)
        {
            user.MustShow = true;
        }

        user.Tell(from, shown, lastActive);
        Changed(user, now);
    }
}
