using Matrix.Host.Storage.Caching;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.Memberships;
using Matrix.Host.Storage.Tables.StrippedRooms;
using Matrix.Host.Streams;

namespace Matrix.Host.Sync.Sliding;

/// <summary>The rooms of the users who use sliding sync, in memory. Bounded by bytes.</summary>
public sealed class UserRoomsCache(SyncOptions options) : IChangeConsumer
{
    private readonly ByteCache<string, UserRooms> _users = new(
        options.SlidingRoomsBytes, static rooms => rooms.Bytes);

    /// <summary>Bytes in the cache.</summary>
    public long CachedBytes => _users.Bytes;

    /// <summary>The rooms of a user; they may have to be read.</summary>
    internal UserRooms Of(string userId) =>
        _users.TryGet(userId, out var known) ? known : _users.PutIfAbsent(userId, new UserRooms(userId));

    /// <summary>
    /// The rooms or lists may take more memory than before. Rooms that were evicted meanwhile are not put back: they
    /// may have missed that one of them was forgotten.
    /// </summary>
    internal void Grown(UserRooms rooms)
    {
        var bytes = rooms.Bytes;
        if (bytes == rooms.CountedBytes) return;
        if (!_users.TryGet(rooms.UserId, out var cached) || !ReferenceEquals(cached, rooms)) return;
        rooms.CountedBytes = bytes;
        _users.Put(rooms.UserId, rooms);
    }

    /// <inheritdoc/>
    public void OnChange(Change change, long position)
    {
        // The streams do not say which rooms were forgotten: it changes no response of sync.
        var (userId, room) = change switch
        {
            RoomForgotten forgotten => (forgotten.UserId, new ForgottenRoom(forgotten.Room, null)),
            StrippedRoomForgotten forgotten => (forgotten.UserId, new ForgottenRoom(null, forgotten.RoomId)),
            _ => (null, default),
        };
        if (userId is not null && _users.TryGet(userId, out var rooms)) rooms.Forget(room);
    }

    /// <inheritdoc/>
    public void Missed(long through) => _users.Clear();
}
