namespace Matrix.Host.Parts;

/// <summary>
/// An option that operators set in `homeserver.yaml` or in the environment. The option's default is the setting's. The
/// commented file, `mx config`, the errors by line and the tables of docs/settings.md are made from these attributes.
/// </summary>
/// <param name="name">The full name, such as `media.upload_bytes`.</param>
/// <param name="meaning">The help text.</param>
[AttributeUsage(AttributeTargets.Property)]
public class SettingAttribute(string name, string meaning) : Attribute
{
    /// <summary>The full name, such as `media.upload_bytes`.</summary>
    public string Name { get; } = name;

    /// <summary>The help text.</summary>
    public string Meaning { get; } = meaning;

    /// <summary>How the value is written, where the option's type alone does not say.</summary>
    public SettingForm Form { get; set; }

    /// <summary>The least value of an integer or a count of bytes.</summary>
    public long Least { get; set; }

    /// <summary>The greatest value of an integer or a count of bytes.</summary>
    public long Most { get; set; } = long.MaxValue;

    /// <summary>
    /// The allowed words. Those of a flag are for false and true; those of an enumeration are its names in small
    /// letters, with underscores or without.
    /// </summary>
    public string[] Words { get; set; } = [];

    /// <summary>Words of earlier versions, each with the word that it means: `true=starttls`.</summary>
    public string[] Synonyms { get; set; } = [];

    /// <summary>Which of the nodes of a server have one value, where the group does not say it.</summary>
    public SettingScope Scope { get; set; }

    /// <summary>Whether the value is a secret: it is never shown.</summary>
    public bool IsSecret { get; set; }

    /// <summary>Whether the commented file leaves it out: such settings are for tests of the server.</summary>
    public bool IsHidden { get; set; }
}

/// <summary>
/// A rate: two settings, of which the names end with `_per_second` and `_burst`.
/// </summary>
/// <param name="name">What both names begin with, such as `rate_limits.login`.</param>
/// <param name="meaning">The requests that the rate is of.</param>
[AttributeUsage(AttributeTargets.Property)]
public sealed class RateSettingAttribute(string name, string meaning) : Attribute
{
    /// <summary>What both names begin with, such as `rate_limits.login`.</summary>
    public string Name { get; } = name;

    /// <summary>The requests that the rate is of.</summary>
    public string Meaning { get; } = meaning;
}
