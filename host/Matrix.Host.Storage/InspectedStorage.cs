using Matrix.Host.Storage.Statements;

namespace Matrix.Host.Storage;

/// <summary>A database that is open for reading only: see <see cref="StorageEngine.InspectAsync"/>.</summary>
public sealed class InspectedStorage : IAsyncDisposable
{
    private readonly Func<ValueTask> _close;

    private InspectedStorage(IStorageAdmin admin, Func<ValueTask> close)
    {
        Admin = admin;
        _close = close;
    }

    /// <summary>Sizes, backup, schema.</summary>
    public IStorageAdmin Admin { get; }

    /// <summary>Closes the database.</summary>
    public ValueTask DisposeAsync() => _close();

    /// <summary>Checks that the database is one of this server's, and closes it if it is not.</summary>
    internal static async ValueTask<InspectedStorage> OfAsync(
        IReads reads, IStorageAdmin admin, Func<ValueTask> close, CancellationToken stop)
    {
        try
        {
            await AdminStatements.CheckAsync(reads, stop);
            return new InspectedStorage(admin, close);
        }
        catch
        {
            await close();
            throw;
        }
    }
}
