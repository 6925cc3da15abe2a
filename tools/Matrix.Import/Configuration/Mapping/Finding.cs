namespace Matrix.Import.Configuration.Mapping;

/// <summary>What became of a setting of Synapse's. It never has a secret in it.</summary>
/// <param name="Kind">The kind.</param>
/// <param name="Setting">The setting's name, by which it can be accepted, such as `modules.spam.Checker`.</param>
/// <param name="Sentence">What is different, or where it went.</param>
public sealed record Finding(FindingKind Kind, string Setting, string Sentence)
{
    /// <inheritdoc/>
    public override string ToString() => $"{Setting}: {Sentence}";
}
