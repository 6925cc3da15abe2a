using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.Transactions;

namespace Matrix.Host.Rooms.Transactions;

/// <summary>
/// A running request with a transaction id. Used under the lock of its log, except <see cref="Record()"/>.
/// </summary>
public sealed class Transaction
{
    private readonly UInt128 _request;
    private TaskCompletionSource<RoomResult<string>>? _joined;

    internal Transaction(UInt128 request) => _request = request;

    /// <summary>The event that the request made, or none; null until the request is recorded.</summary>
    internal EventNid? Made { get; private set; }

    /// <summary>
    /// The change that records a request without an event. It must be in the batch that carries out the request, so
    /// that both become durable or neither does.
    /// </summary>
    public TransactionRecorded Record()
    {
        Made = EventNid.None;
        return new TransactionRecorded(_request);
    }

    /// <summary>
    /// Records a request that makes an event. Returns <see cref="Storage.Tables.Events.EventsAppended.Request"/>.
    /// </summary>
    internal UInt128 Record(EventNid made)
    {
        Made = made;
        return _request;
    }

    /// <summary>The result, for repetitions of the request that arrive while it runs.</summary>
    internal Task<RoomResult<string>> Result()
    {
        _joined ??= new TaskCompletionSource<RoomResult<string>>(TaskCreationOptions.RunContinuationsAsynchronously);
        return _joined.Task;
    }

    /// <summary>Completes the repetitions that wait for the result; null if there are none.</summary>
    internal TaskCompletionSource<RoomResult<string>>? Joined => _joined;
}
