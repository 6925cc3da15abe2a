using Matrix.Host.Storage.Formats;

namespace Matrix.Host.Storage.Tables.Media;

/// <summary>The changes of media as bytes.</summary>
internal static class MediaChangeFormats
{
    public static IReadOnlyList<ChangeFormat> All { get; } =
    [
        ChangeFormat.Of<MediaUploaded>(
            72,
            static (to, op) => to.Text(op.Media.Origin).Text(op.Media.MediaId),
            static from => new MediaUploaded(
                new MediaRow(from.Text(), from.Text(), null, 0, "", null, null, 0, 0, null, false))),
    ];
}
