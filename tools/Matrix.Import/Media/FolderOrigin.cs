using Matrix.Import.Sources;

namespace Matrix.Import.Media;

/// <summary>A folder of media: Synapse's own, or that of the `file_system` provider.</summary>
internal sealed class FolderOrigin(string folder) : IMediaOrigin
{
    public string Description => folder;

    public Task<string?> FindAsync(string path, string fetchTo, CancellationToken stop)
    {
        var file = Path.Combine(folder, path);
        return Task.FromResult(File.Exists(file) ? file : null);
    }

    public void Dispose()
    {
    }
}
