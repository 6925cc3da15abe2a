using System.Net;
using Orleans;

namespace Matrix.Host.Cluster.Membership;

/// <summary>A row of the table of silos.</summary>
/// <param name="Entry">What Orleans knows of it. Times are of this machine's clock.</param>
/// <param name="Version">The version that its last conditional change made.</param>
/// <param name="Says">What the node says of itself.</param>
internal sealed record SiloRow(MembershipEntry Entry, int Version, NodeSays Says);

/// <summary>What a node says of itself.</summary>
/// <param name="Readiness">Whether it should have shards.</param>
/// <param name="Requests">Where it takes requests that others forward; null if it does not say yet.</param>
/// <param name="Clock">By how many milliseconds its clock is ahead of the database's; null if it does not say yet.
/// </param>
internal readonly record struct NodeSays(Readiness Readiness, IPEndPoint? Requests, long? Clock = null);

/// <summary>Rows with the version of the table, of one moment.</summary>
/// <param name="Now">The database's time in milliseconds since the epoch; null if the table was never used.</param>
internal sealed record SiloRows(int Version, IReadOnlyList<SiloRow> Rows, long? Now);
