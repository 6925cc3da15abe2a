using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.Transactions;

namespace Matrix.Host.Rooms.Transactions;

/// <summary>A request with a transaction id that is under way. Belongs to the lock of its log, but for <see cref="Record()"/>.</summary>
public sealed class Transaction
{
    private readonly UInt128 _request;
    private TaskCompletionSource<RoomResult<string>>? _joined;

    internal Transaction(UInt128 request) => _request = request;

    /// <summary>The event that it made; null until it is recorded.</summary>
    internal EventNid? Made { get; private set; }

    /// <summary>
    /// The change that records a request without an event. It belongs to the batch that carries the request out, so that both are durable or
    /// neither.
    /// </summary>
    public TransactionRecorded Record()
    {
        Made = EventNid.None;
        return new TransactionRecorded(_request);
    }

    /// <summary>The same for a request that makes an event: <see cref="Storage.Tables.Events.EventsAppended.Request"/>.</summary>
    internal UInt128 Record(EventNid made)
    {
        Made = made;
        return _request;
    }

    /// <summary>Its result, for those who ask for the same meanwhile.</summary>
    internal Task<RoomResult<string>> Result() =>
        (_joined ??= new TaskCompletionSource<RoomResult<string>>(TaskCreationOptions.RunContinuationsAsynchronously)).Task;

    /// <summary>Who asked for the same meanwhile; null if nobody did.</summary>
    internal TaskCompletionSource<RoomResult<string>>? Joined => _joined;
}
