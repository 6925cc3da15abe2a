using Matrix.Host.Storage.Formats;

namespace Matrix.Host.Storage.Tables.Profiles;

/// <summary>The changes of profiles as bytes, without values.</summary>
internal static class ProfileChangeFormats
{
    public static IReadOnlyList<ChangeFormat> All { get; } =
    [
        ChangeFormat.Of<ProfileFieldChanged>(
            51,
            static (to, op) => to.Text(op.UserId).Text(op.Field),
            static from => new ProfileFieldChanged(from.Text(), from.Text(), default)),
        ChangeFormat.Of<ProfileFieldDeleted>(
            52,
            static (to, op) => to.Text(op.UserId).Text(op.Field),
            static from => new ProfileFieldDeleted(from.Text(), from.Text())),
        ChangeFormat.Of<ProfileDeleted>(
            53,
            static (to, op) => to.Text(op.UserId),
            static from => new ProfileDeleted(from.Text())),
    ];
}
