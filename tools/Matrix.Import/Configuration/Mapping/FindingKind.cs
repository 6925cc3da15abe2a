namespace Matrix.Import.Configuration.Mapping;

/// <summary>What became of a setting.</summary>
public enum FindingKind
{
    /// <summary>It is refused: the import goes on only if the operator accepts its name.</summary>
    Refused,

    /// <summary>Something is different without it.</summary>
    Listed,

    /// <summary>It is not known here, and perhaps not to Synapse either.</summary>
    Unknown,

    /// <summary>It has no counterpart, and nobody misses it.</summary>
    Costless,

    /// <summary>It is carried.</summary>
    Carried,
}
