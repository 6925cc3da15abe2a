namespace Matrix.Host.Storage.Ownership.Joining;

/// <summary>The settings of this node, as others compare them.</summary>
public interface IComparedSettings
{
    /// <summary>They change with the signing key only.</summary>
    SettingDigests Now { get; }
}
