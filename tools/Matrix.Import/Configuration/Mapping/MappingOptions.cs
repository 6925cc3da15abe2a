namespace Matrix.Import.Configuration.Mapping;

/// <summary>What the operator says of the new server.</summary>
public sealed record MappingOptions
{
    /// <summary>Its database; empty for an SQLite file beside the configuration.</summary>
    public string DatabaseUrl { get; init; } = "";
}
