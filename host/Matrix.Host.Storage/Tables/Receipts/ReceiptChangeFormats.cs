using Matrix.Host.Storage.Formats;

namespace Matrix.Host.Storage.Tables.Receipts;

/// <summary>The changes of receipts as bytes.</summary>
internal static class ReceiptChangeFormats
{
    public static IReadOnlyList<ChangeFormat> All { get; } =
    [
        ChangeFormat.Of<ReceiptMoved>(
            6,
            static (to, op) => to
                .Room(op.Room).Text(op.UserId).Text(op.Type).Text(op.ThreadId).Nid(op.Event).Text(op.EventId)
                .Int(op.Timestamp).Bool(op.IsLocal),
            static from => new ReceiptMoved(
                from.Room(), from.Text(), from.Text(), from.Text(), from.Nid(), from.Text(), from.Int(), from.Bool())),
    ];
}
