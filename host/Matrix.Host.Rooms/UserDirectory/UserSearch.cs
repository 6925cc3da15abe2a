using Matrix.Core.Search;
using Matrix.Host.Storage.Tables.UserDirectory;

namespace Matrix.Host.Rooms.UserDirectory;

/// <summary>The users that a search found.</summary>
/// <param name="IsLimited">Whether there are more.</param>
public sealed record FoundUsers(IReadOnlyList<DirectoryRow> Users, bool IsLimited);

/// <summary>
/// Searches the user directory: users in public and world-readable rooms, and those who share a room with the searching
/// user. v1.19 client-server-api#user-directory
/// </summary>
public sealed class UserSearch(
    UserDirectoryTable userDirectoryTable, DirectoryIndexer index, UserDirectoryOptions options, RoomsOptions rooms)
{
    /// <summary>The users with words that begin with each word of the term, the best matches first.</summary>
    public async ValueTask<FoundUsers> FindAsync(string userId, string term, int limit, CancellationToken stop)
    {
        limit = Math.Min(limit, options.Results);
        await index.CatchUpAsync(stop);
        var found = new List<(DirectoryRow Row, bool IsExact)>();
        var isCut = false;
        foreach (var (query, rest) in QueriesOf(term))
        {
            // The user is left out, and each user may match by several words.
            var most = Math.Max(options.RankedUsers, limit + 2);
            var open = await userDirectoryTable.OpenAsync(query, most, stop);
            var shared = await SharedAsync(userId, query, most, stop);
            var known = await NamedAsync(userId, query, shared, stop);
            found.AddRange(open.Concat(known)
                .Where(row => row.UserId != userId && HasWords(row, rest))
                .Select(row => (row, row.Word == query.First)));
            isCut |= open.Count >= most || shared.Count >= most;
        }

        var ranked = found
            .OrderByDescending(static each => each.IsExact)
            .DistinctBy(static each => each.Row.UserId)
            .OrderByDescending(static each => each.IsExact)
            .ThenByDescending(static each => each.Row.DisplayName is not null)
            .ThenByDescending(static each => each.Row.AvatarUrl is not null)
            .ThenBy(static each => each.Row.UserId, StringComparer.Ordinal)
            .Select(static each => each.Row)
            .ToList();
        return new FoundUsers([.. ranked.Take(limit)], ranked.Count > limit || isCut);
    }

    /// <summary>
    /// What a term looks for: its words, of which that of the index is the longest one; and, if it may be the beginning
    /// of a user id, that id, which is one word of the index. A name may look like an id too.
    /// </summary>
    private IEnumerable<(DirectoryQuery Query, string[] Further)> QueriesOf(string term)
    {
        if (IdOf(term) is { } id) yield return (new DirectoryQuery(id, "", "", options.AllLocalUsers), []);

        string[] words =
        [
            .. SearchWords.OfSearch(term, options.WordsOfUser)
                .Select(word => word.Word).OrderByDescending(word => word.Length).Distinct(),
        ];
        if (words.Length == 0) yield break;
        var query = new DirectoryQuery(
            words[0], words.ElementAtOrDefault(1) ?? "", words.ElementAtOrDefault(2) ?? "", options.AllLocalUsers);
        yield return (query, words.Length > 3 ? words[3..] : []);
    }

    private static string? IdOf(string term)
    {
        var text = SearchWords.Folded(term.Trim());
        if (text.Contains(' ', StringComparison.Ordinal)) return null;
        if (text.StartsWith('@')) return text.Length > 1 ? text : null;
        return text.Contains(':', StringComparison.Ordinal) ? "@" + text : null;
    }

    private async ValueTask<IReadOnlyList<DirectoryRow>> SharedAsync(
        string userId, DirectoryQuery query, int most, CancellationToken stop)
    {
        var closed = await userDirectoryTable.ClosedAsync(query, options.CheckedUsers + 1, stop);
        if (closed.Count > options.CheckedUsers)
        {
            return await userDirectoryTable.SharingAsync(userId, query, most, stop);
        }

        var sharing = await userDirectoryTable.SharingAsync(
            userId, [.. closed.Select(row => row.UserId).Distinct()], stop);
        return [.. closed.Where(row => sharing.Contains(row.UserId))];
    }

    /// <summary>
    /// The users whom only some find, with the names that they have in a room that they share with the searching user.
    /// The entry of another server's user has the name of one of their rooms, which may be another.
    /// </summary>
    private async ValueTask<IReadOnlyList<DirectoryRow>> NamedAsync(
        string userId, DirectoryQuery query, IReadOnlyList<DirectoryRow> shared, CancellationToken stop)
    {
        var remote = shared.Select(row => row.UserId).Where(IsRemote).Distinct().ToArray();
        if (remote.Length == 0) return shared;
        var inRooms = await userDirectoryTable.SharedRoomsAsync(userId, remote, stop);
        var named = shared.Where(row => !IsRemote(row.UserId)).ToList();
        foreach (var (user, room) in inRooms)
        {
            var (name, avatar) = await index.ProfileInAsync(room, stop);
            var words = index.WordsOf(user, name);
            if (!Has(words, query.First) || !Has(words, query.Second) || !Has(words, query.Third)) continue;
            var word = words.Contains(query.First) ? query.First : Array.Find(words, each => Begins(each, query.First));
            named.Add(new DirectoryRow(user, name, avatar, word!));
        }

        return named;

        static bool Begins(string word, string with) => word.StartsWith(with, StringComparison.Ordinal);
        static bool Has(string[] words, string with) => Array.Exists(words, word => Begins(word, with));
    }

    private bool IsRemote(string userId) => RoomNames.ServerOf(userId) != rooms.ServerName;

    private bool HasWords(DirectoryRow row, string[] rest)
    {
        if (rest.Length == 0) return true;
        var words = SearchWords.Of($"{row.UserId} {row.DisplayName}", options.WordsOfUser);
        return Array.TrueForAll(
            rest, word => Array.Exists(words, each => each.StartsWith(word, StringComparison.Ordinal)));
    }
}
