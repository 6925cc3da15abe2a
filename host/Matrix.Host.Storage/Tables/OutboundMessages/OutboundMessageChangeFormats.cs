using Matrix.Host.Storage.Formats;

namespace Matrix.Host.Storage.Tables.OutboundMessages;

/// <summary>The changes of messages for other servers as bytes, without the messages.</summary>
internal static class OutboundMessageChangeFormats
{
    public static IReadOnlyList<ChangeFormat> All { get; } =
    [
        ChangeFormat.Of<MessageEnqueued>(
            62,
            static (to, op) => to.Text(op.ServerName).Text(op.Sender).Int(op.StoredAt),
            static from => new MessageEnqueued(from.Text(), from.Text(), default) { StoredAt = from.Int() }),
    ];
}
