using Matrix.Host.Storage.Formats;

namespace Matrix.Host.Storage.Tables.Shards;

/// <summary>The changes of who has shards, as bytes.</summary>
internal static class ShardChangeFormats
{
    public static IReadOnlyList<ChangeFormat> All { get; } =
    [
        ChangeFormat.Of<ShardMoved>(
            71,
            static (to, op) => to.Int(op.Shard).Text(op.From.Node).Int(op.From.Incarnation)
                .Text(op.To.Node).Int(op.To.Incarnation),
            static from => new ShardMoved(from.Int32(), Owner(from), Owner(from))),
    ];

    private static ShardOwner Owner(ChangeReader from) => new(from.Text(), from.Int());
}
