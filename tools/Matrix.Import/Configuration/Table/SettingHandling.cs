namespace Matrix.Import.Configuration.Table;

/// <summary>What an import does with a setting of Synapse's.</summary>
internal enum SettingHandling
{
    /// <summary>Its members have rows of their own.</summary>
    Group,

    /// <summary>It becomes settings of this server, or the import itself needs it.</summary>
    Carried,

    /// <summary>It has no counterpart, and nobody misses it.</summary>
    Costless,

    /// <summary>Without it something is different, which the operator should know.</summary>
    Listed,

    /// <summary>Without it something that was forbidden would be allowed, or some lose what they have.</summary>
    Refused,
}
