using Matrix.Host.Storage.Formats;

namespace Matrix.Host.Storage.Tables.SingleSignOn;

/// <summary>The changes of sign-ins at providers as bytes.</summary>
internal static class SingleSignOnChangeFormats
{
    public static IReadOnlyList<ChangeFormat> All { get; } =
    [
        ChangeFormat.Of<SsoGrantsRevoked>(
            74,
            static (to, op) => to
                .Text(op.Issuer).TextOrNull(op.Session).TextOrNull(op.UserId).TextOrNull(op.Subject),
            static from => new SsoGrantsRevoked(from.Text(), from.TextOrNull(), from.TextOrNull())
            {
                Subject = from.TextOrNull(),
            }),
    ];
}
