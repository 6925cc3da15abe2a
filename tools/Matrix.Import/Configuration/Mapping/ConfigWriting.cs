namespace Matrix.Import.Configuration.Mapping;

/// <summary>The result of writing a configuration.</summary>
public abstract record ConfigWriting
{
    private ConfigWriting()
    {
    }

    /// <summary>All files are there now.</summary>
    /// <param name="Written">Those that were written.</param>
    /// <param name="Unchanged">Those that were there, with the same content.</param>
    public sealed record Done(IReadOnlyList<string> Written, IReadOnlyList<string> Unchanged) : ConfigWriting;

    /// <summary>Nothing was written: a file is there with another content.</summary>
    /// <param name="File">The full path of the file.</param>
    public sealed record Differs(string File) : ConfigWriting;

    /// <summary>A file cannot be read or written.</summary>
    /// <param name="File">The full path of the file.</param>
    /// <param name="Message">Why.</param>
    public sealed record Failed(string File, string Message) : ConfigWriting;
}
