using Matrix.Host.Storage.Commits;

namespace Matrix.Host.Storage.Tables.Filters;

/// <summary>Filters. Client-Server API, "Filtering".</summary>
public interface IFiltersTable
{
    /// <summary>A user's filter, as JSON; null if there is none.</summary>
    ValueTask<ReadOnlyMemory<byte>?> FindAsync(string userId, long filterId, CancellationToken stop);
}

/// <summary>A filter is stored; the same filter of the same user is stored once.</summary>
/// <param name="UserId">Whose.</param>
/// <param name="Json">The filter, in canonical form.</param>
public sealed record FilterCreated(string UserId, ReadOnlyMemory<byte> Json) : ConditionalChange
{
    /// <summary>Its number, from 0 for each user; always applied.</summary>
    public long FilterId { get; internal set; }

    internal override int Weight => 200 + Json.Length;
}

/// <summary>All filters of a user go: the account is erased.</summary>
public sealed record FiltersDeleted(string UserId) : Change;
