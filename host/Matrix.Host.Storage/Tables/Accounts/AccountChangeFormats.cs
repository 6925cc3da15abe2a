using Matrix.Host.Storage.Formats;

namespace Matrix.Host.Storage.Tables.Accounts;

/// <summary>
/// The changes of accounts, devices and their tokens as bytes. No password, token, or hash of these is written: who
/// remembers sessions reads them again.
/// </summary>
internal static class AccountChangeFormats
{
    public static IReadOnlyList<ChangeFormat> All { get; } =
    [
        ChangeFormat.Of<UserCreated>(
            37,
            static (to, op) => to.Text(op.UserId).Int((int)op.Kind).Bool(op.IsAdmin),
            static from => new UserCreated(from.Text(), (UserKind)from.Int32(), null, from.Bool())),
        ChangeFormat.Of<UserDeactivated>(
            38,
            static (to, op) => to.Text(op.UserId).Bool(op.Erase),
            static from => new UserDeactivated(from.Text(), from.Bool())),
        ChangeFormat.Of<AdminChanged>(
            39,
            static (to, op) => to.Text(op.UserId).Bool(op.IsAdmin),
            static from => new AdminChanged(from.Text(), from.Bool())),
        ChangeFormat.Of<AccountLockChanged>(
            40,
            static (to, op) => to.Text(op.UserId).Bool(op.IsLocked).Bool(op.SparesAdmins),
            static from => new AccountLockChanged(from.Text(), from.Bool(), from.Bool())),
        ChangeFormat.Of<AccountSuspensionChanged>(
            41,
            static (to, op) => to.Text(op.UserId).Bool(op.IsSuspended).Bool(op.SparesAdmins),
            static from => new AccountSuspensionChanged(from.Text(), from.Bool(), from.Bool())),
        ChangeFormat.Of<DeviceAdded>(
            42,
            static (to, op) => to.Text(op.UserId).Text(op.DeviceId),
            static from => new DeviceAdded(from.Text(), from.Text(), null)),
        ChangeFormat.Of<DeviceRenamed>(
            43,
            static (to, op) => to.Text(op.UserId).Text(op.DeviceId),
            static from => new DeviceRenamed(from.Text(), from.Text(), null)),
        ChangeFormat.Of<DeviceDeleted>(
            44,
            static (to, op) => to.Text(op.UserId).Text(op.DeviceId),
            static from => new DeviceDeleted(from.Text(), from.Text())),
        ChangeFormat.Of<OtherDevicesDeleted>(
            45,
            static (to, op) => to.Text(op.UserId).TextOrNull(op.Except),
            static from => new OtherDevicesDeleted(from.Text(), from.TextOrNull())),
        ChangeFormat.Of<TokensIssued>(
            46,
            static (to, op) => to.Text(op.UserId).Text(op.DeviceId).Bool(op.ByService),
            static from => new TokensIssued(from.Text(), from.Text(), default, null, null, null)
            {
                ByService = from.Bool(),
            }),
        ChangeFormat.Of<TokensRotated>(
            47,
            static (to, op) => to.TextOrNull(op.UserId),
            static from => new TokensRotated(default, default, null, default, null) { UserId = from.TextOrNull() }),
        ChangeFormat.Of<TokensConfirmed>(
            48,
            static (to, op) => to.Text(op.UserId),
            static from => new TokensConfirmed(from.Text(), default)),
        ChangeFormat.Of<SessionEnded>(
            75,
            static (to, op) => to.Text(op.UserId).Int(op.Session),
            static from => new SessionEnded(from.Text(), from.Int())),
    ];
}
