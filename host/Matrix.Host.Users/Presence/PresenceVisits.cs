using System.Formats.Cbor;
using Matrix.Core.Cluster;
using Matrix.Core.Presence;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Ownership;
using Matrix.Host.Storage.Tables.Shards;

namespace Matrix.Host.Users.Presence;

/// <summary>
/// The devices that sync at this node. Their users may be of other nodes' shards, which are told that the device was
/// seen: soon if it is new or wants another state, and then several times in the time after which it would be offline.
/// So the owner keeps no count of syncs that run elsewhere, and the end of a node ends them. Thread-safe.
/// </summary>
internal sealed class PresenceVisits : IDisposable
{
    /// <summary>How long devices are gathered.</summary>
    internal static readonly TimeSpan GatherTime = TimeSpan.FromMilliseconds(100);

    /// <summary>How often a device is told in the time after which it would be offline.</summary>
    internal const int Repetitions = 4;

    /// <summary>The most devices of one tell.</summary>
    private const int MostDevices = 500;

    private readonly PresenceBoard _board;
    private readonly ShardGates _gates;
    private readonly ShardOwners _owners;
    private readonly INodeTells _tells;
    private readonly int _most;
    private readonly ITimer _gathered;
    private readonly ITimer _repeated;
    private readonly Lock _gate = new();
    private readonly Dictionary<UserDevice, Visit> _visits = [];
    private readonly HashSet<UserDevice> _new = [];

    internal PresenceVisits(
        PresenceBoard board,
        ShardGates gates,
        ShardOwners owners,
        INodeTells tells,
        PresenceOptions options,
        TimeProvider time)
    {
        (_board, _gates, _owners, _tells, _most) = (board, gates, owners, tells, options.MaxUsers);
        _gathered = time.CreateTimer(
            static visits => ((PresenceVisits)visits!).TellNew(), this, Timeout.InfiniteTimeSpan,
            Timeout.InfiniteTimeSpan);
        var repeat = options.OfflineAfter / Repetitions;
        if (repeat < GatherTime) repeat = GatherTime;
        _repeated = time.CreateTimer(
            static visits => ((PresenceVisits)visits!).TellAgain(), this, repeat, repeat);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _gathered.Dispose();
        _repeated.Dispose();
    }

    /// <summary>A device syncs.</summary>
    internal void Begin(UserDevice device, PresenceState state)
    {
        lock (_gate)
        {
            if (!_visits.TryGetValue(device, out var visit))
            {
                if (_visits.Count >= _most) return;
                _visits[device] = visit = new Visit();
            }

            visit.Syncs++;
            visit.WasUsed = true;
            if (visit.State == state) return;
            visit.State = state;
            _new.Add(device);
            if (_new.Count == 1) _gathered.Change(GatherTime, Timeout.InfiniteTimeSpan);
        }
    }

    /// <summary>A sync ended.</summary>
    internal void End(UserDevice device)
    {
        lock (_gate)
        {
            if (!_visits.TryGetValue(device, out var visit)) return;
            visit.Syncs = Math.Max(0, visit.Syncs - 1);
            visit.WasUsed = true;
        }
    }

    private void TellNew()
    {
        var devices = new List<(UserDevice Device, PresenceState State)>();
        lock (_gate)
        {
            foreach (var device in _new)
            {
                if (_visits.TryGetValue(device, out var visit)) devices.Add((device, visit.State));
            }

            _new.Clear();
        }

        Tell(devices);
    }

    private void TellAgain()
    {
        var devices = new List<(UserDevice Device, PresenceState State)>();
        var syncing = new List<(UserDevice Device, PresenceState State)>();
        lock (_gate)
        {
            foreach (var (device, visit) in _visits)
            {
                if (visit.Syncs > 0) syncing.Add((device, visit.State));
                if (visit.Syncs > 0 || visit.WasUsed) devices.Add((device, visit.State));
                else _visits.Remove(device);
                visit.WasUsed = false;
            }
        }

        Tell(devices);

        // A shard may have come here during a sync, which the board does not know.
        foreach (var (device, state) in syncing)
        {
            if (_gates.IsOpen(Authority.User(device.UserId))) _board.Seen(device, state);
        }
    }

    private void Tell(List<(UserDevice Device, PresenceState State)> devices)
    {
        foreach (var ofOwner in devices.GroupBy(each => OwnerOf(each.Device.UserId)))
        {
            if (ofOwner.Key == ShardOwner.Nobody) continue;
            var to = new NodeIncarnation(ofOwner.Key.Node, ofOwner.Key.Incarnation);
            foreach (var some in ofOwner.Chunk(MostDevices)) _tells.Tell(to, NodeTellKind.Syncing, ToBytes(some));
        }
    }

    /// <summary>The other node that has a user's shard; nobody if this one has, or none.</summary>
    private ShardOwner OwnerOf(string userId)
    {
        var authority = Authority.User(userId);
        return _gates.IsOpen(authority) ? ShardOwner.Nobody : _owners.Of(authority.Shard);
    }

    private static byte[] ToBytes((UserDevice Device, PresenceState State)[] devices)
    {
        var writer = new CborWriter(CborConformanceMode.Lax);
        writer.WriteStartArray(3 * devices.Length);
        foreach (var (device, state) in devices)
        {
            writer.WriteTextString(device.UserId);
            writer.WriteTextString(device.DeviceId);
            writer.WriteInt32((int)state);
        }

        writer.WriteEndArray();
        return writer.Encode();
    }

    private sealed class Visit
    {
        /// <summary>The syncs that run.</summary>
        public int Syncs { get; set; }

        /// <summary>Whether a sync began or ended since the last repetition.</summary>
        public bool WasUsed { get; set; }

        public PresenceState State { get; set; }
    }
}
