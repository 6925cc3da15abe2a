using Matrix.Host.Storage.Formats;

namespace Matrix.Host.Storage.Tables.AccountData;

/// <summary>The changes of account data as bytes, without contents: who remembers one reads it again.</summary>
internal static class AccountDataChangeFormats
{
    public static IReadOnlyList<ChangeFormat> All { get; } =
    [
        ChangeFormat.Of<AccountDataPut>(
            8,
            static (to, op) => to.Text(op.UserId).RoomOrNull(op.Room).Text(op.Type),
            static from => new AccountDataPut(from.Text(), from.RoomOrNull(), from.Text(), default)),
        ChangeFormat.Of<AccountDataDeleted>(
            50,
            static (to, op) => to.Text(op.UserId),
            static from => new AccountDataDeleted(from.Text())),
    ];
}
