using Matrix.Host.Storage.Writing;

namespace Matrix.Host.Storage;

/// <summary>Opens a store.</summary>
public static class StorageEngine
{
    /// <summary>
    /// Opens the database that the options name (a SQLite file is made if there is none), brings its schema up to date, takes it for this process
    /// alone and starts the writer.
    /// </summary>
    /// <exception cref="StorageException">It cannot be opened: the message is one line for the operator.</exception>
    public static ValueTask<IStorage> OpenAsync(StorageOptions options, CancellationToken stop)
    {
        ArgumentNullException.ThrowIfNull(options);
        throw new StorageException(StorageFailure.Refused, $"No database engine for {options.Url.Split(':')[0]}.");
    }
}
