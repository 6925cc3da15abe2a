using Matrix.Host.Storage.Writing;

namespace Matrix.Host.Storage.Tables.Filters;

/// <summary>A filter is stored; the same filter of the same user is stored once.</summary>
/// <param name="UserId">Whose.</param>
/// <param name="Json">The filter, in canonical form.</param>
public sealed record PutFilter(string UserId, ReadOnlyMemory<byte> Json) : ConditionalOperation
{
    /// <summary>Its number, from 0 for each user; always applied.</summary>
    public long FilterId { get; internal set; }

    internal override int Weight => 200 + Json.Length;
}

/// <summary>All filters of a user go: the account is erased.</summary>
public sealed record DeleteFilters(string UserId) : WriteOperation;
