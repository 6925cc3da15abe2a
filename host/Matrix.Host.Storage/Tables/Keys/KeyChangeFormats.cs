using Matrix.Host.Storage.Formats;

namespace Matrix.Host.Storage.Tables.Keys;

/// <summary>The changes of devices' keys as bytes, without the keys: they say whose have changed.</summary>
internal static class KeyChangeFormats
{
    public static IReadOnlyList<ChangeFormat> All { get; } =
    [
        ChangeFormat.Of<DeviceListChanged>(
            54,
            static (to, op) => to.Text(op.UserId).TextOrNull(op.OnlyFor),
            static from => new DeviceListChanged(from.Text(), from.TextOrNull())),
        ChangeFormat.Of<DeviceKeysUploaded>(
            55,
            static (to, op) => to.Text(op.UserId).Text(op.DeviceId),
            static from => new DeviceKeysUploaded(from.Text(), from.Text(), default)),
        ChangeFormat.Of<OneTimeKeyUploaded>(
            56,
            static (to, op) => to.Text(op.UserId).Text(op.DeviceId).Text(op.Algorithm),
            static from => new OneTimeKeyUploaded(from.Text(), from.Text(), from.Text(), "", default)),
        ChangeFormat.Of<FallbackKeyUploaded>(
            57,
            static (to, op) => to.Text(op.UserId).Text(op.DeviceId).Text(op.Algorithm),
            static from => new FallbackKeyUploaded(from.Text(), from.Text(), from.Text(), "", default)),
        ChangeFormat.Of<KeysClaimed>(
            58,
            static (to, op) => to.Items(
                op.Claims, static (to, claim) => to.Text(claim.UserId).Text(claim.DeviceId).Text(claim.Algorithm)),
            static from => new KeysClaimed(
                from.Items(static from => new ClaimOfKey(from.Text(), from.Text(), from.Text())))),
        ChangeFormat.Of<CrossSigningKeyUploaded>(
            59,
            static (to, op) => to.Text(op.UserId).Int((int)op.Usage),
            static from => new CrossSigningKeyUploaded(from.Text(), (CrossSigningUsage)from.Int32(), "", default)),
        ChangeFormat.Of<CrossSigningKeysDeleted>(
            60,
            static (to, op) => to.Text(op.UserId),
            static from => new CrossSigningKeysDeleted(from.Text())),
        ChangeFormat.Of<KeySignatureUploaded>(
            61,
            static (to, op) => to.Text(op.TargetUser).Text(op.Signer),
            static from => new KeySignatureUploaded(from.Text(), "", from.Text(), "", "")),
    ];
}
