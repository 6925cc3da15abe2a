namespace Matrix.Import.Sources;

/// <summary>A place where Synapse keeps media files: its media folder, or a storage provider.</summary>
internal interface IMediaOrigin : IDisposable
{
    /// <summary>Where it is, for the report. No secret.</summary>
    string Description { get; }

    /// <summary>
    /// The file of a relative path, such as `local_content/aa/bb/cc`, on this machine; null if it has none. A file that
    /// is fetched is written to <paramref name="fetchTo"/>.
    /// </summary>
    /// <exception cref="IOException">The place cannot be read.</exception>
    Task<string?> FindAsync(string path, string fetchTo, CancellationToken stop);
}
