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
            return new MediaFolder(new MediaSpool(options), new FolderFiles(options), new DerivedFiles(options));
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            throw new IOException($"media.folder: {options.Folder} cannot be used: {fault.Message}", fault);
        }
    }
}
