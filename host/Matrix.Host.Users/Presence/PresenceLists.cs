using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.Memberships;
using Matrix.Host.Storage.Tables.PresenceLists;

namespace Matrix.Host.Users.Presence;

/// <summary>
/// Presence lists: whom a user wishes to follow. A listed user is shown once they permit it: they share a room with
/// the user, or have listed the user too. The 2014 Client-Server API, "Presence and Permissions".
/// </summary>
public sealed class PresenceLists(
    UserPresences presences,
    IMembershipsTable membershipsTable,
    PresenceListsTable presenceListsTable,
    IStorageWriter writer,
    PresenceOptions options)
{
    private static readonly UserFailure _full = new(UserFailureKind.LimitReached, "Your presence list is full.");

    /// <summary>
    /// Removes users from a list, and then adds others. None is added if the list would be too long.
    /// </summary>
    public async ValueTask<UserFailure?> ChangeAsync(
        string userId, IReadOnlyCollection<string> invited, IReadOnlyCollection<string> dropped, CancellationToken stop)
    {
        if (invited.Count > options.MaxListed || dropped.Count > options.MaxListed) return _full;

        // The conditions of a batch are looked at before its other changes.
        if (dropped.Count > 0)
        {
            var drops = new WriteBatch(Authority.Nobody, dropped.Count);
            foreach (var other in dropped) drops.Add(new PresenceUnlisted(userId, other));
            await writer.WriteAsync(drops, stop);
        }

        if (invited.Count == 0) return null;
        var batch = new WriteBatch(Authority.Nobody, invited.Count);
        foreach (var other in invited) batch.Require(new PresenceListed(userId, other, options.MaxListed));
        return (await writer.WriteAsync(batch, stop)).Refused ? _full : null;
    }

    /// <summary>The presence of the listed users who permit it.</summary>
    public async ValueTask<IReadOnlyList<SeenPresence>> ShownAsync(string userId, CancellationToken stop)
    {
        var listed = await presenceListsTable.OfUserAsync(userId, stop);
        if (listed.Count == 0) return [];
        var permitted = new HashSet<string>(StringComparer.Ordinal) { userId };
        permitted.UnionWith(await membershipsTable.SharingAmongAsync(userId, listed, stop));
        permitted.UnionWith(await presenceListsTable.MutualAsync(userId, stop));
        var shown = new List<SeenPresence>();
        foreach (var other in listed)
        {
            if (!permitted.Contains(other)) continue;
            var found = await presences.ReadAsync(other, stop);
            if (found.IsOk) shown.Add(found.Value);
        }

        return shown;
    }

    /// <summary>What a user sees of another one's presence: of those who share a room, or listed each other.</summary>
    public async ValueTask<UserResult<SeenPresence>> FindAsync(string viewer, string userId, CancellationToken stop) =>
        await presenceListsTable.IsMutualAsync(viewer, userId, stop)
            ? await presences.ReadAsync(userId, stop)
            : await presences.FindAsync(viewer, userId, stop);
}
