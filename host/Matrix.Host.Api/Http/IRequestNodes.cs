using Matrix.Host.Storage.Commits;
using Microsoft.AspNetCore.Http;

namespace Matrix.Host.Api.Http;

/// <summary>
/// The nodes of a cluster, as requests see them. A server by itself has none of this, and pays nothing for it.
/// </summary>
public interface IRequestNodes
{
    /// <summary>The name of this server.</summary>
    string ServerName { get; }

    /// <summary>Whether balancers should send requests here.</summary>
    bool IsReady { get; }

    /// <summary>How long a request waits while what it is about goes from node to node.</summary>
    TimeSpan LongestMove { get; }

    /// <summary>Whether requests may be answered: this node has read what the others have written.</summary>
    ValueTask<bool> EnterAsync(CancellationToken stop);

    /// <summary>Whether this node has the shard of what a request is about.</summary>
    bool IsHere(Authority owner);

    /// <summary>
    /// Has the owner answer a request. A request that another node forwarded is not forwarded again: that node is told
    /// that it was wrong.
    /// </summary>
    /// <param name="http">The request; nothing of the response was sent.</param>
    /// <param name="owner">What the request is about.</param>
    /// <param name="address">The client's address.</param>
    /// <param name="isBrief">Whether its route is (<see cref="RouteOptions.IsBrief"/>).</param>
    /// <param name="stop">Cancelled when the client has gone.</param>
    /// <returns>The answer, which may be one that was sent already; null if the request is this node's.</returns>
    ValueTask<Answer?> ForwardAsync(
        HttpContext http, Authority owner, string address, bool isBrief, CancellationToken stop);

    /// <summary>Waits until all nodes have read what was written here, at most a second.</summary>
    ValueTask WrittenAsync();
}
