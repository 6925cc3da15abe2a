namespace Matrix.Import.Configuration.Reading;

/// <summary>A secret of the source. It prints as a placeholder, so that a record that holds it can be logged.</summary>
/// <param name="value">The secret.</param>
public sealed class Secret(string value)
{
    /// <summary>The secret itself.</summary>
    public string Reveal() => value;

    /// <inheritdoc/>
    public override string ToString() => "(secret)";
}
