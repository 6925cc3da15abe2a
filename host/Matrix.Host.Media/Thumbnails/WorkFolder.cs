using Matrix.Host.Media.Store;
using Matrix.Host.Storage;

namespace Matrix.Host.Media.Thumbnails;

/// <summary>
/// A folder in which a tool works: with the image under a name that has no meaning for the tool. Disposing deletes it.
/// </summary>
internal sealed class WorkFolder : IDisposable
{
    /// <summary>The name of the image.</summary>
    internal const string Source = "source";

    private WorkFolder(string path) => Path = path;

    /// <summary>Its path.</summary>
    internal string Path { get; }

    /// <summary>The file outside of it that the image is a link to; null for none.</summary>
    internal string? Content { get; private init; }

    /// <summary>Makes a folder with a link to the content, or a copy if that is not on this machine.</summary>
    internal static async ValueTask<WorkFolder> OpenAsync(
        DerivedFiles derived, MediaFile content, CancellationToken stop)
    {
        var target = content.Path is { } file ? System.IO.Path.GetFullPath(file) : null;
        var work = new WorkFolder(derived.NewWorkFolder()) { Content = target };
        try
        {
            if (target is not null)
            {
                File.CreateSymbolicLink(work.PathOf(Source), target);
                return work;
            }

            await using var from = await content.OpenAsync(0, content.Length, stop);
            await using var to = OwnFiles.Create(work.PathOf(Source));
            await from.CopyToAsync(to, stop);
            return work;
        }
        catch
        {
            work.Dispose();
            throw;
        }
    }

    internal string PathOf(string name) => System.IO.Path.Combine(Path, name);

    public void Dispose() => DerivedFiles.DeleteWorkFolder(Path);
}
