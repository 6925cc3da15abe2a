using Matrix.Host.Storage.Formats;

namespace Matrix.Host.Storage.Tables.Unread;

/// <summary>The changes of unread counts as bytes.</summary>
internal static class UnreadChangeFormats
{
    public static IReadOnlyList<ChangeFormat> All { get; } =
    [
        ChangeFormat.Of<UnreadAdded>(
            3,
            static (to, op) => to.Text(op.UserId).Nid(op.Event).Nid(op.ThreadRoot).Int((int)op.Kind),
            static from => new UnreadAdded(from.Text(), from.Nid(), from.Nid(), (UnreadKind)from.Int32())),
    ];
}
