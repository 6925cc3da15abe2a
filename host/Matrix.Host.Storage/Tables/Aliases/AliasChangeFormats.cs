using Matrix.Host.Storage.Formats;

namespace Matrix.Host.Storage.Tables.Aliases;

/// <summary>The changes of aliases as bytes.</summary>
internal static class AliasChangeFormats
{
    public static IReadOnlyList<ChangeFormat> All { get; } =
    [
        ChangeFormat.Of<AliasCreated>(
            64,
            static (to, op) => to.Text(op.Alias).Room(op.Room).Text(op.Creator),
            static from => new AliasCreated(from.Text(), from.Room(), from.Text())),
        ChangeFormat.Of<AliasDeleted>(
            65,
            static (to, op) => to.Text(op.Alias),
            static from => new AliasDeleted(from.Text())),
        ChangeFormat.Of<DirectoryMoved>(
            66,
            static (to, op) => to.Room(op.From).Room(op.To),
            static from => new DirectoryMoved(from.Room(), from.Room())),
    ];
}
