using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Ownership;
using Matrix.Host.Storage.Statements;
using Matrix.Host.Storage.Tables;
using Matrix.Host.Storage.Tables.Rooms;

namespace Matrix.Host.Storage;

/// <summary>
/// A server's durable store: one writer, and its tables. Disposing flushes the submitted batches and closes the
/// database.
/// </summary>
public sealed class OpenedStorage : StorageTables, IAsyncDisposable
{
    private readonly Func<ValueTask> _close;
    private int _closed;

    private OpenedStorage(
        IReads reads, StorageOptions options, int lastRoom, IStorageWriter writer, IStorageAdmin admin,
        NodeShards shards, Task<StorageException> lost, Func<ValueTask> close, NodeLink? link)
        : base(reads, options, lastRoom) =>
        (Writer, Admin, NodeShards, Lost, _close, Link) = (writer, admin, shards, lost, close, link);

    /// <summary>The only way to change anything.</summary>
    public IStorageWriter Writer { get; }

    /// <summary>Sizes, backup, schema.</summary>
    public IStorageAdmin Admin { get; }

    /// <summary>The shards of this process: all of them on SQLite, and without a node.</summary>
    public NodeShards NodeShards { get; }

    /// <summary>What a node that serves with others needs of the storage; null for any other process.</summary>
    public NodeLink? Link { get; }

    /// <summary>
    /// Completes when another process has taken the database over, with the reason: this one writes no more.
    /// </summary>
    public Task<StorageException> Lost { get; }

    /// <summary>Flushes the submitted batches and closes the database.</summary>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _closed, 1) == 0)
        {
            await _close();
        }
    }

    internal static async ValueTask<OpenedStorage> OpenAsync(
        StorageOptions options, IReads reads, IStorageWriter writer, IStorageAdmin admin, NodeShards shards,
        Task<StorageException> lost, Func<ValueTask> close, CancellationToken stop, NodeLink? link = null)
    {
        try
        {
            return new OpenedStorage(
                reads, options, await RoomsTable.LastNumberAsync(reads, stop), writer, admin, shards, lost, close,
                link);
        }
        catch
        {
            await close();
            throw;
        }
    }
}
