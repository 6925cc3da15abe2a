using Matrix.Core.Search;
using Matrix.Core.Sync;
using Matrix.Host.Rooms.Reading;
using Matrix.Host.Storage.Tables.Events;

namespace Matrix.Host.Rooms.Searching;

/// <summary>A search for messages.</summary>
/// <param name="UserId">The user who searches.</param>
/// <param name="Term">What is searched for.</param>
/// <param name="Keys">The searched keys; all if there are none.</param>
/// <param name="Filter">The filter of rooms and events.</param>
/// <param name="Limit">The most hits.</param>
/// <param name="ByRank">Whether the most relevant hits come first; otherwise the most recent.</param>
/// <param name="From">The place after which the hits begin; null for the first page.</param>
public sealed record SearchCriteria(
    string UserId,
    string Term,
    IReadOnlyList<SearchKey> Keys,
    EventFilter Filter,
    int Limit,
    bool ByRank,
    SearchToken? From);

/// <summary>A hit.</summary>
/// <param name="Readable">The part of its room that the user may read.</param>
/// <param name="Event">The event.</param>
/// <param name="Rank">How relevant it is: the greatest is 1.</param>
/// <param name="Place">The place after it.</param>
public sealed record SearchHit(Readable Readable, StoredEvent Event, double Rank, SearchToken Place);

/// <summary>A page of hits.</summary>
/// <param name="Hits">The hits, in order.</param>
/// <param name="Count">An estimate of the number of all hits.</param>
/// <param name="Next">The place after which the next page begins; null if there are no more hits.</param>
/// <param name="Highlights">The words to highlight.</param>
public sealed record SearchPage(
    IReadOnlyList<SearchHit> Hits,
    long Count,
    SearchToken? Next,
    IReadOnlyList<string> Highlights)
{
    /// <summary>No hits.</summary>
    public static SearchPage Empty { get; } = new([], 0, null, []);
}
