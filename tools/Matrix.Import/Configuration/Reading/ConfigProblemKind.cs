namespace Matrix.Import.Configuration.Reading;

/// <summary>Why Synapse's configuration cannot be read.</summary>
public enum ConfigProblemKind
{
    /// <summary>No configuration was named, or no folder that was named has one.</summary>
    NoConfiguration,

    /// <summary>A file or folder does not exist.</summary>
    FileMissing,

    /// <summary>A file exists and cannot be read.</summary>
    FileUnreadable,

    /// <summary>A file is not YAML, or has more than the import reads.</summary>
    NotYaml,

    /// <summary>A file is YAML, and not a mapping.</summary>
    NotAMap,

    /// <summary>A setting has a value of another type.</summary>
    WrongType,

    /// <summary>A setting has the right type, and a value that Synapse would refuse.</summary>
    WrongValue,

    /// <summary>A setting is missing that Synapse needs.</summary>
    SettingMissing,

    /// <summary>Two settings exclude each other.</summary>
    Conflict,
}
