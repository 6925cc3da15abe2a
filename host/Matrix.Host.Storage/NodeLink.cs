using Matrix.Host.Storage.Commits;
using Npgsql;

namespace Matrix.Host.Storage;

/// <summary>What a node that serves with others needs of the storage.</summary>
/// <param name="Follower">How far it has read the flushes of all.</param>
/// <param name="Database">Connections for the table in which the nodes agree who is alive. The storage owns it.
/// </param>
public sealed record NodeLink(IFlushFollower Follower, NpgsqlDataSource Database);
