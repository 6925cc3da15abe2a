using Matrix.Host.Storage.Commits;

namespace Matrix.Host.Storage.Tables.Filters;

/// <summary>Filters. Client-Server API, "Filtering".</summary>
public interface IFiltersTable
{
    /// <summary>A user's filter as JSON; null if there is none.</summary>
    ValueTask<ReadOnlyMemory<byte>?> FindAsync(string userId, long filterId, CancellationToken stop);

    /// <summary>The id of a user's filter that is equal to this canonical JSON; null if there is none.</summary>
    ValueTask<long?> FindIdAsync(string userId, ReadOnlyMemory<byte> json, CancellationToken stop);
}

/// <summary>Stores a filter; the same filter of the same user is stored once.</summary>
/// <param name="Json">The filter as canonical JSON.</param>
public sealed record FilterCreated(string UserId, ReadOnlyMemory<byte> Json) : ConditionalChange
{
    /// <summary>The filter's id, counted from 0 for each user. The change is always applied.</summary>
    public long FilterId { get; internal set; }

    internal override int Weight => 200 + Json.Length;
}

/// <summary>Deletes all filters of a user whose account is erased.</summary>
public sealed record FiltersDeleted(string UserId) : Change;
