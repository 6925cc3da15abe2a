using Matrix.Host.Rooms.Receipts;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.Receipts;
using Matrix.Host.Streams.Notifying;

namespace Matrix.Host.Streams.Streams;

/// <summary>Read receipts: everyone joined hears of a public one, its user alone of a private one.</summary>
internal sealed class ReceiptStream(Notifier notifier) : IChangeConsumer
{
    /// <inheritdoc/>
    public void Take(Change change, long position)
    {
        if (change is not ReceiptMoved receipt || notifier.Room(receipt.Room) is not { } room) return;
        room.Touch(
            new ReceiptMark(position, receipt.UserId, receipt.Type, receipt.ThreadId, receipt.EventId, receipt.Timestamp),
            receipt.Type == ReceiptTypes.ReadPrivate,
            notifier.Ephemeral,
            notifier.ToWake);
    }

    /// <inheritdoc/>
    public void Missed(long through) => notifier.ForgetAll(through);
}
