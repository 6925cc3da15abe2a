using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Migrations;
using Matrix.Host.Storage.Statements;
using Matrix.Host.Storage.Tables;
using Matrix.Host.Storage.Tables.Rooms;

namespace Matrix.Host.Storage;

/// <summary>A database that is open for reading only: see <see cref="StorageEngine.InspectAsync"/>.</summary>
public sealed class InspectedStorage : StorageTables, IAsyncDisposable
{
    private readonly Func<ValueTask> _close;
    private readonly int _pending;

    private InspectedStorage(
        IReads reads, StorageOptions options, int lastRoom, IStorageAdmin admin, int pending, Func<ValueTask> close)
        : base(reads, options, lastRoom) => (Admin, _pending, _close) = (admin, pending, close);

    /// <summary>Sizes, backup, schema.</summary>
    public IStorageAdmin Admin { get; }

    /// <summary>
    /// Checks that the database has the schema of this program. <see cref="Admin"/> works with an earlier one too, the
    /// tables do not.
    /// </summary>
    /// <exception cref="StorageException">It has an earlier one: the message is one line for the operator.</exception>
    public void NeedTables()
    {
        if (_pending > 0)
        {
            throw new StorageException(
                StorageFailure.Refused,
                $"The database lacks {_pending} updates of its schema: start this version of the server once.");
        }
    }

    /// <summary>Closes the database.</summary>
    public ValueTask DisposeAsync() => _close();

    /// <summary>Checks that the database is one of this server's, and closes it if it is not.</summary>
    internal static async ValueTask<InspectedStorage> OfAsync(
        IReads reads, StorageOptions options, IStorageAdmin admin, Func<ValueTask> close, CancellationToken stop)
    {
        try
        {
            var applied = await AdminStatements.CheckAsync(reads, stop);
            var lastRoom = await RoomsTable.LastNumberAsync(reads, stop);
            return new InspectedStorage(reads, options, lastRoom, admin, Migration.All.Count - applied, close);
        }
        catch
        {
            await close();
            throw;
        }
    }
}
