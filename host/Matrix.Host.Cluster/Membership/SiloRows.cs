using Orleans;

namespace Matrix.Host.Cluster.Membership;

/// <summary>A row of the table of silos.</summary>
/// <param name="Entry">What Orleans knows of it. Times are of this machine's clock.</param>
/// <param name="Version">The version that its last conditional change made.</param>
/// <param name="Readiness">What the node says of itself.</param>
internal sealed record SiloRow(MembershipEntry Entry, int Version, Readiness Readiness);

/// <summary>Rows with the version of the table, of one moment.</summary>
internal sealed record SiloRows(int Version, IReadOnlyList<SiloRow> Rows);
