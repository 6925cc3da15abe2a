namespace Matrix.Import.Configuration.Mapping;

/// <summary>A file of this server's configuration. It may have secrets: only its owner reads it.</summary>
/// <param name="Name">Its name, relative to the folder of the configuration.</param>
/// <param name="Content">Its content.</param>
public sealed record CarriedFile(string Name, ReadOnlyMemory<byte> Content)
{
    /// <summary>The name and length: the content may have secrets.</summary>
    public override string ToString() => $"{Name} ({Content.Length} bytes)";
}
