using Matrix.Host.Storage.Formats;

namespace Matrix.Host.Storage.Tables.Guests;

/// <summary>The changes of guests as bytes, without their secrets.</summary>
internal static class GuestChangeFormats
{
    public static IReadOnlyList<ChangeFormat> All { get; } =
    [
        ChangeFormat.Of<GuestUpgraded>(
            49,
            static (to, op) => to.Text(op.UserId).Bool(op.IsAdmin),
            static from => new GuestUpgraded(from.Text(), default, null, from.Bool())),
    ];
}
