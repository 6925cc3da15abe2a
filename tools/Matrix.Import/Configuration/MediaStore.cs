using Matrix.Import.Configuration.Reading;

namespace Matrix.Import.Configuration;

/// <summary>Where Synapse has its media.</summary>
/// <param name="Folder">The folder.</param>
/// <param name="HasFolder">Whether the folder has files; with `enable_local_media_storage` off it has none.</param>
/// <param name="Providers">The storage providers, in the order in which Synapse asks them.</param>
public sealed record MediaStore(string Folder, bool HasFolder, IReadOnlyList<MediaProvider> Providers)
{
    internal static MediaStore Read(SettingMap root) => new(
        root.FilePath("media_store_path") ?? root.FullPath("media_store"),
        root.Flag("enable_local_media_storage", true),
        MediaProvider.Read(root));
}
