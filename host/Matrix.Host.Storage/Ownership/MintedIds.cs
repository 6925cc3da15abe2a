using Matrix.Host.Storage.Commits;

namespace Matrix.Host.Storage.Ownership;

/// <summary>
/// Ids that this node makes: of rooms, and for later requests of which only it knows something. They are of its own
/// shards, so that a later request can be brought to it.
/// </summary>
public static class MintedIds
{
    /// <summary>
    /// The most draws. Of n nodes, each draws n times on average; even with a single shard, this is enough 99.9 times
    /// in 100.
    /// </summary>
    private const int MostDraws = 4096;

    /// <summary>For one certain shard; fails once in ten million millions.</summary>
    private const int MostDrawsOfOne = 32 * 512;

    /// <summary>Draws an id until its shard is open here.</summary>
    /// <param name="draw">Makes a new id each time.</param>
    /// <exception cref="StorageException">There was none among many (<see cref="StorageFailure.NotOwned"/>).
    /// </exception>
    public static string Draw(ShardGates gates, Func<string> draw)
    {
        var id = Draw(gates, draw, out var visit);
        visit.Dispose();
        return id;
    }

    /// <summary>The same, and enters the shard.</summary>
    /// <exception cref="StorageException">There was none among many (<see cref="StorageFailure.NotOwned"/>).
    /// </exception>
    public static string Draw(ShardGates gates, Func<string> draw, out ShardVisit visit) =>
        Draw(gates, draw, Authority.Minted, out visit);

    /// <summary>The same, for an id of a room.</summary>
    /// <exception cref="StorageException">There was none among many (<see cref="StorageFailure.NotOwned"/>).
    /// </exception>
    public static string DrawRoom(ShardGates gates, Func<string> draw, out ShardVisit visit) =>
        Draw(gates, draw, Authority.Room, out visit);

    /// <summary>
    /// Draws an id until it is in the shard of something else, for what later requests need at one node.
    /// </summary>
    /// <param name="beside">What has the shard.</param>
    /// <param name="draw">Makes a new id each time: on average as many as there are shards.</param>
    /// <exception cref="StorageException">There was none among many (<see cref="StorageFailure.NotOwned"/>).
    /// </exception>
    public static string DrawBeside(ShardGates gates, Authority beside, Func<string> draw)
    {
        for (var drawn = 0; drawn < MostDrawsOfOne; drawn++)
        {
            var id = draw();
            if (gates.AreAlwaysOpen || Authority.Minted(id).Shard == beside.Shard) return id;
        }

        throw ShardGates.NotOwned(beside);
    }

    private static string Draw(
        ShardGates gates, Func<string> draw, Func<string, Authority> authorityOf, out ShardVisit visit)
    {
        for (var drawn = 0; drawn < MostDraws; drawn++)
        {
            var id = draw();
            if (gates.TryEnter(authorityOf(id), out visit)) return id;
        }

        throw new StorageException(StorageFailure.NotOwned, "This node has no shard for a new id.");
    }
}
