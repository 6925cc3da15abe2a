namespace Matrix.Import.Configuration.Reading;

/// <summary>Something in the files that Synapse passes over: a replaced setting, a file that it ignores.</summary>
/// <param name="Location">The file, with a line if there is one.</param>
/// <param name="Message">What is passed over.</param>
public sealed record ConfigWarning(string Location, string Message)
{
    /// <inheritdoc/>
    public override string ToString() => $"{Location}: {Message}";
}
