namespace Matrix.Host.Media.Store;

/// <summary>
/// Files that were made from contents, such as thumbnails: a folder for each content. They can be made again, so they
/// are not synced.
/// </summary>
public sealed class DerivedFiles
{
    private const int Digits = 2;

    private readonly string _folder;
    private readonly string _work;
    private readonly int _mostOfContent;

    /// <summary>Makes the folder.</summary>
    public DerivedFiles(MediaOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        _mostOfContent = options.ThumbnailsOfFile;
        _folder = Path.Combine(options.Folder, "thumbnails");
        _work = Path.Combine(options.Folder, "work");
        Directory.CreateDirectory(_folder);
        if (Directory.Exists(_work)) Directory.Delete(_work, recursive: true);
        Directory.CreateDirectory(_work);
    }

    /// <summary>Makes an empty folder for a tool. What a stopped server left is deleted at the next start.</summary>
    internal string NewWorkFolder() =>
        Directory.CreateDirectory(Path.Combine(_work, Guid.NewGuid().ToString("N"))).FullName;

    /// <summary>A file that was made from a content; null if there is none.</summary>
    internal FileInfo? Find(string hash, string name)
    {
        var file = new FileInfo(Path.Combine(FolderOf(hash), name));
        return file.Exists ? file : null;
    }

    /// <summary>Keeps a file. Of too many from one content the oldest is deleted.</summary>
    internal FileInfo Keep(string hash, string name, string made)
    {
        var folder = Directory.CreateDirectory(FolderOf(hash));
        var others = folder.GetFiles().Where(file => file.Name != name)
            .OrderByDescending(file => file.LastWriteTimeUtc);
        foreach (var old in others.Skip(_mostOfContent - 1)) old.Delete();
        var path = Path.Combine(folder.FullName, name);
        File.Move(made, path, overwrite: true);
        return new FileInfo(path);
    }

    /// <summary>Deletes what was made from a content.</summary>
    internal void Delete(string hash)
    {
        var folder = FolderOf(hash);
        if (Directory.Exists(folder)) Directory.Delete(folder, recursive: true);
    }

    private string FolderOf(string hash) => Path.Combine(_folder, hash[..Digits], hash[Digits..]);
}
