using System.Runtime.CompilerServices;
using Matrix.Core.Room.Incoming.Protocol;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Ownership;

namespace Matrix.Host.Rooms.Lanes;

/// <summary>
/// The door to the lanes: sending, receiving, joining and administration enter by these calls, and by no others. A
/// session runs while the lane is held; the calls return when what it wrote is durable.
/// </summary>
internal sealed class RoomLanes(LaneDirectory lanes)
{
    /// <summary>The attempts of a session, which starts anew if a batch that it built on was not stored.</summary>
    private const int Attempts = 3;

    private static readonly RoomFailure _hasChanged = new(
        RoomFailureKind.BadState, "The room changed during the request.");

    private static readonly RoomFailure _hasJoined = new(
        RoomFailureKind.BadState, "A user of this server has joined.");

    /// <summary>Runs a session in the lane of a room, and submits its batch if it succeeded.</summary>
    /// <returns>The result of the session; or the failure if there is no such room, if it is busy, or if a condition of
    /// the batch does not hold any more.</returns>
    /// <exception cref="StorageException">Nothing was written.</exception>
    // Pooled: the state machine lives until the disk answers, and the collector would move it.
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    internal async ValueTask<RoomResult<T>> EnterAsync<T>(
        RoomNid room, Func<LaneSession, ValueTask<RoomResult<T>>> act, CancellationToken stop)
    {
        for (var attempt = 1; ; attempt++)
        {
            var lane = lanes.Rent(room);
            try
            {
                using var session = await lane.EnterAsync(stop);
                if (session is null) return RoomFailure.Unknown;
                var result = await act(session);
                if (!result.IsOk) return result;
                if (session.IsEmpty)
                {
                    await session.SettledAsync();
                    return result;
                }

                var durable = session.Submit();
                try
                {
                    var receipt = await durable;
                    return receipt.Refused ? _hasChanged : result;
                }
                finally
                {
                    session.Settle();
                }
            }
            catch (LaneBusyException busy)
            {
                return new RoomFailure(RoomFailureKind.Busy, busy.Message);
            }
            catch (StorageException broken) when (broken.Failure == StorageFailure.ChainBroken && attempt < Attempts)
            {
                // An event that this one was built on was not written. The next attempt reads the room again.
            }
            finally
            {
                lanes.Return(lane);
            }
        }
    }

    /// <summary>
    /// Runs a session in the lane of a room that it creates, and submits its batch. If the session fails, nothing of
    /// the room remains.
    /// </summary>
    /// <param name="room">The room, which has no event.</param>
    /// <param name="inside">The caller's visit of the shard of the room's id. It stays until this returns.</param>
    /// <param name="act">The session. Null if it succeeded.</param>
    /// <param name="stop">Cancels everything before the batch is submitted.</param>
    /// <exception cref="StorageException">Nothing was written.</exception>
    internal async ValueTask<RoomResult<WriteReceipt>> CreateAsync(
        PendingRoom room,
        ShardVisit inside,
        Func<LaneSession, ValueTask<RoomFailure?>> act,
        CancellationToken stop)
    {
        var lane = lanes.Rent(room.Room.Nid);
        try
        {
            using var session = await lane.EnterNewAsync(room, inside, stop);
            if (await act(session) is { } failure)
            {
                lane.Abandon();
                return failure;
            }

            var durable = session.Submit();
            try
            {
                return await durable;
            }
            finally
            {
                session.Settle();
            }
        }
        finally
        {
            lanes.Return(lane);
        }
    }

    /// <summary>
    /// Runs a session in the lane of a room that a local user joins through another server, and writes its batch. The
    /// session's machine decides only this join.
    /// </summary>
    /// <param name="room">The number of the room.</param>
    /// <param name="created">The room if it is not known here; null for a known one.</param>
    /// <param name="limits">The limits of the machine.</param>
    /// <param name="act">The session. Null if it succeeded.</param>
    /// <param name="stop">Cancels everything before the batch is written.</param>
    /// <exception cref="StorageException">Nothing was written.</exception>
    internal async ValueTask<RoomFailure?> JoinAsync(
        RoomNid room,
        PendingRoom? created,
        IncomingLimits limits,
        Func<LaneSession, ValueTask<RoomFailure?>> act,
        CancellationToken stop)
    {
        var lane = lanes.Rent(room);
        try
        {
            using var session = created is null
                ? await lane.EnterAgainAsync(limits, stop)
                : await lane.EnterJoinedAsync(created, limits, stop);
            if (session is null) return _hasJoined;
            var isDecided = false;
            try
            {
                if (await act(session) is { } failure) return failure;
                isDecided = true;
            }
            finally
            {
                // The machine is one of a join, and must not serve another session.
                if (!isDecided) lane.Abandon();
            }

            _ = await session.WriteEntranceAsync();
            return null;
        }
        finally
        {
            lanes.Return(lane);
        }
    }

    /// <summary>
    /// Writes the batch after which the room does not exist, once all batches before it are durable. Later sessions
    /// find no room.
    /// </summary>
    /// <exception cref="StorageException">Nothing was written.</exception>
    internal async ValueTask DeleteAsync(RoomNid room, WriteBatch batch, CancellationToken stop)
    {
        var lane = lanes.Rent(room);
        try
        {
            await lane.EndAsync(batch, stop);
        }
        finally
        {
            lanes.Return(lane);
        }
    }
}
