using Matrix.Core.Event;
using Matrix.Host.Rooms.Snapshots;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Caching;
using Matrix.Host.Storage.Tables.Memberships;
using Matrix.Host.Streams.Streams.Unread;

namespace Matrix.Host.Outbound.Push;

/// <summary>
/// The counts of users' unread rooms, or of their unread notifications. Only rooms that changed are counted again.
/// v1.19 push-gateway-api#post_matrixpushv1notify, `counts`
/// </summary>
internal sealed class Badges(
    UnreadReader unread, RoomSnapshots rooms, IMembershipsTable memberships, PushOptions options)
{
    private readonly ByteCache<string, Badge> _badges = new(options.BadgeCacheBytes, static _ => 4000);

    /// <summary>A user's count in a room may have changed.</summary>
    internal void Changed(string userId, RoomNid room)
    {
        if (_badges.TryGet(userId, out var badge)) badge.Changed(room);
    }

    /// <summary>Changes were missed.</summary>
    internal void ForgetAll() => _badges.Clear();

    /// <summary>A user's count, over all rooms that they are joined to.</summary>
    internal async ValueTask<int> OfAsync(string userId, CancellationToken stop)
    {
        if (!_badges.TryGet(userId, out var badge)) _badges.Put(userId, badge = new Badge());
        await badge.Gate.WaitAsync(stop);
        try
        {
            if (!badge.IsFilled)
            {
                var joined = await memberships.RoomsOfAsync(userId, MembershipSet.Join, stop);
                foreach (var room in joined) badge.Changed(room.Room);
                badge.IsFilled = true;
            }

            foreach (var room in badge.TakeChanged())
            {
                badge.Counts[room] = await CountAsync(userId, room, stop);
                if (badge.Counts[room] == 0) badge.Counts.Remove(room);
            }

            return options.CountsRooms ? badge.Counts.Count : badge.Counts.Values.Sum();
        }
        catch
        {
            _badges.Remove(userId);
            throw;
        }
        finally
        {
            badge.Gate.Release();
        }
    }

    private async ValueTask<int> CountAsync(string userId, RoomNid nid, CancellationToken stop)
    {
        if (await rooms.FindAsync(nid, stop) is not { } room) return 0;
        if (!room.Local.IsJoined(userId) || room.State.Find(EventTypes.Member, userId) is not { } member) return 0;
        var counts = await unread.OfAsync(
            userId, room.Room, EventNid.Of(nid, member.Ordinal), room.LastEvent, stop);
        return counts.Notifications;
    }

    private sealed class Badge
    {
        private readonly HashSet<RoomNid> _changed = [];

        public SemaphoreSlim Gate { get; } = new(1, 1);

        public bool IsFilled { get; set; }

        /// <summary>The rooms with a count.</summary>
        public Dictionary<RoomNid, int> Counts { get; } = [];

        public void Changed(RoomNid room)
        {
            lock (_changed) _changed.Add(room);
        }

        public RoomNid[] TakeChanged()
        {
            lock (_changed)
            {
                RoomNid[] taken = [.. _changed];
                _changed.Clear();
                return taken;
            }
        }
    }
}
