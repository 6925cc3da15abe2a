using System.Globalization;
using Matrix.Core.Cluster;

namespace Matrix.Host.Cluster.Membership;

/// <summary>The name of a silo carries the node and its incarnation: `incarnation@node`.</summary>
internal static class SiloNames
{
    private const char Between = '@';

    public static string Of(NodeIncarnation node) =>
        string.Create(CultureInfo.InvariantCulture, $"{node.Incarnation}{Between}{node.Node}");

    /// <summary>The node; null if the name is not of this form.</summary>
    public static NodeIncarnation? TryParse(string name)
    {
        var at = name.IndexOf(Between, StringComparison.Ordinal);
        return at > 0 && long.TryParse(
            name.AsSpan(0, at), NumberStyles.None, CultureInfo.InvariantCulture, out var incarnation)
            ? new NodeIncarnation(name[(at + 1)..], incarnation)
            : null;
    }
}
