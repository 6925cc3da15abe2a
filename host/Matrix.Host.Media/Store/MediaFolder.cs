namespace Matrix.Host.Media.Store;

/// <summary>The folder of the files on this machine, opened.</summary>
public sealed class MediaFolder
{
    private MediaFolder(MediaSpool spool, IMediaFiles files, DerivedFiles derived) =>
        (Spool, Files, Derived) = (spool, files, derived);

    /// <summary>The contents that arrive.</summary>
    internal MediaSpool Spool { get; }

    /// <summary>The contents that are kept.</summary>
    internal IMediaFiles Files { get; }

    /// <summary>What was made from contents.</summary>
    internal DerivedFiles Derived { get; }

    /// <summary>Makes the folder if there is none, and deletes what a stopped server was receiving.</summary>
    /// <exception cref="IOException">The folder cannot be used.</exception>
    public static MediaFolder Open(MediaOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        try
        {
            Check(options.Folder);
            // The folder of files first: it tells that the others are this server's.
            var folder = new FolderFiles(options);
            IMediaFiles files = options.S3.Endpoint.Length > 0 ? new S3Files(options.S3) : folder;
            return new MediaFolder(new MediaSpool(options), files, new DerivedFiles(options));
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            throw new IOException($"media.folder: {options.Folder} cannot be used: {fault.Message}", fault);
        }
    }

    /// <summary>Refuses a folder of something else: what is in it would be deleted.</summary>
    private static void Check(string folder)
    {
        if (Directory.Exists(folder)
            && Directory.EnumerateFileSystemEntries(folder).Any()
            && !Directory.Exists(Path.Combine(folder, FolderFiles.Name)))
        {
            throw new IOException("it is not empty, and has no media of this server");
        }
    }
}
