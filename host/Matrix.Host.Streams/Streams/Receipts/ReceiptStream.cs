using Matrix.Host.Rooms.Receipts;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.Receipts;
using Matrix.Host.Streams.Notifying;

namespace Matrix.Host.Streams.Streams.Receipts;

/// <summary>Read receipts: a public one concerns all joined members, a private one its user alone.</summary>
internal sealed class ReceiptStream(Notifier notifier) : IChangeConsumer
{
    public void OnChange(Change change, long position)
    {
        if (change is not ReceiptMoved receipt || notifier.Room(receipt.Room) is not { } room) return;
        room.Touch(
            ReceiptMark.Of(receipt, position),
            receipt.Type == ReceiptTypes.ReadPrivate,
            notifier.Ephemeral,
            notifier.ToWake);
    }

    public void Missed(long through) => notifier.ForgetAll(through);
}
