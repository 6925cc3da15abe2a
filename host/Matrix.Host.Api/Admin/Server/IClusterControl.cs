namespace Matrix.Host.Api.Admin.Server;

/// <summary>A node of this server's cluster, as the node that is asked knows it.</summary>
/// <param name="Name">The node's name.</param>
/// <param name="IsThis">Whether it is the one that was asked.</param>
/// <param name="State">`ready`, `starting`, `leaving` or `clock differs`.</param>
/// <param name="Shards">How many of the 512 shards it has.</param>
/// <param name="Position">The position that it has read up to; null if it has told none yet.</param>
/// <param name="Behind">How many positions it is behind the one that was asked; null as well.</param>
/// <param name="Version">The version of its software; null if that is not known yet.</param>
/// <param name="ClockAhead">
/// By how many milliseconds its clock is ahead of the database's; null if that is not known.
/// </param>
/// <param name="Differing">The names of its settings that differ from those of the one that was asked.</param>
public sealed record NodeState(
    string Name,
    bool IsThis,
    string State,
    int Shards,
    long? Position,
    long? Behind,
    string? Version,
    long? ClockAhead,
    IReadOnlyList<string> Differing);

/// <summary>The nodes of this server, for operators. A server by itself has none of this.</summary>
public interface IClusterControl
{
    /// <summary>The nodes that are alive, by name.</summary>
    IReadOnlyList<NodeState> Nodes { get; }

    /// <summary>How many shards nobody alive has.</summary>
    int ShardsWithoutNode { get; }

    /// <summary>
    /// Has this node give its shards away, and take no more until it starts again. It goes on answering requests.
    /// </summary>
    Task DrainAsync(CancellationToken stop);

    /// <summary>Forbids another node to write from now on: it ends, and others take its shards.</summary>
    /// <returns>False if no other node that is alive has this name.</returns>
    Task<bool> RemoveAsync(string name, CancellationToken stop);
}
