namespace Matrix.Import.Configuration.Reading;

/// <summary>A reason why Synapse's configuration cannot be read. It never has a value of a setting in it.</summary>
/// <param name="Kind">The kind of the reason.</param>
/// <param name="Location">The file, with a line if there is one.</param>
/// <param name="Setting">The setting's path, such as `database.args`; empty if it is about a file.</param>
/// <param name="Message">What was expected.</param>
public sealed record ConfigProblem(ConfigProblemKind Kind, string Location, string Setting, string Message)
{
    /// <inheritdoc/>
    public override string ToString() =>
        Setting.Length == 0 ? $"{Location}: {Message}" : $"{Location}: `{Setting}`: {Message}";
}
