namespace Matrix.Import.Configuration.Reading;

/// <summary>Where a value is written.</summary>
internal readonly record struct YamlPlace(string File, long Line)
{
    public override string ToString() => Line > 0 ? $"{File}:{Line}" : File;
}
