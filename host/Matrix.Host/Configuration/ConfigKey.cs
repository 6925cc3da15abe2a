namespace Matrix.Host.Configuration;

/// <summary>One setting: its name, what it may hold, what it holds if nobody says, and what it means.</summary>
internal abstract class ConfigKey(string path, string meaning)
{
    /// <summary>The name with its levels, such as `limits.body`.</summary>
    internal string Path { get; } = path;

    /// <summary>What it means, for the commented file.</summary>
    internal string Meaning { get; } = meaning;

    /// <summary>The variable that overrides it: levels joined by two underscores.</summary>
    internal string Variable => "MATRIX_" + Path.ToUpperInvariant().Replace(".", "__", StringComparison.Ordinal);

    /// <summary>Whether the commented file leaves it out: for tests of the server itself.</summary>
    internal bool Hidden { get; init; }

    /// <summary>Whether it holds a list; a file may have a YAML list for it.</summary>
    internal abstract bool IsList { get; }

    /// <summary>The default as it is written in a file.</summary>
    internal abstract string DefaultText { get; }

    /// <summary>What is expected, if the text is not a value of this setting; null if it is one.</summary>
    internal abstract string? Mistake(string text);
}

/// <summary>A setting of one type.</summary>
internal sealed class ConfigKey<T>(string path, ConfigType<T> type, T otherwise, string meaning) : ConfigKey(path, meaning)
{
    /// <summary>What it holds if nobody says.</summary>
    internal T Default { get; } = otherwise;

    internal override bool IsList => type.IsList;

    internal override string DefaultText => type.Show(Default);

    internal override string? Mistake(string text) => type.TryParse(text, out _) ? null : type.Expected;

    /// <summary>The value of a text that has been checked.</summary>
    internal T Parse(string text) =>
        type.TryParse(text, out var value) ? value : throw new InvalidOperationException($"{Path}: {text} was not checked.");
}
