using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.Search;

namespace Matrix.Host.Rooms.Searching;

/// <summary>
/// The order of hits. Every hit has all words of the search, and messages rarely repeat one: what is left of relevance
/// is that a shorter text is more about its words. Hits of the same rank are ordered by time.
/// </summary>
internal sealed class SearchOrder(bool byRank) : IComparer<SearchRow>
{
    public int Compare(SearchRow x, SearchRow y)
    {
        if (byRank && x.Words != y.Words) return x.Words.CompareTo(y.Words);
        return x.Ts != y.Ts ? y.Ts.CompareTo(x.Ts) : y.Event.Value.CompareTo(x.Event.Value);
    }

    /// <summary>The rank of a hit: 1 if its text has no other words.</summary>
    public static double RankOf(SearchRow row, int terms) => Math.Min(1.0, (double)terms / Math.Max(1, row.Words));

    /// <summary>The row that a token stands for.</summary>
    public static SearchRow RowOf(SearchToken token, RoomNid room)
    {
        var nid = EventNid.Of(room, token.Ordinal);
        return new SearchRow(nid, nid, token.Ts, token.Words);
    }
}
