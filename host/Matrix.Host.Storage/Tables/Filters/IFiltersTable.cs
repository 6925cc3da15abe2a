namespace Matrix.Host.Storage.Tables.Filters;

/// <summary>Filters. Client-Server API, "Filtering".</summary>
public interface IFiltersTable
{
    /// <summary>A user's filter, as JSON; null if there is none.</summary>
    ValueTask<ReadOnlyMemory<byte>?> FindAsync(string userId, long filterId, CancellationToken stop);
}
