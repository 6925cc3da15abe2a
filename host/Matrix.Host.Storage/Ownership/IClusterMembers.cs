using Matrix.Core.Cluster;

namespace Matrix.Host.Storage.Ownership;

/// <summary>The nodes that are alive, as this one knows them.</summary>
public interface IClusterMembers
{
    /// <summary>The newest view.</summary>
    ClusterView View { get; }

    /// <summary>Raised when there is a newer view, on any thread.</summary>
    event Action? Changed;
}
