namespace Matrix.Import.Runs;

/// <summary>The import cannot go on. The message is for the operator, and holds no secret.</summary>
public sealed class ImportException : Exception
{
    /// <summary>A failure without a message.</summary>
    public ImportException()
    {
    }

    /// <summary>A failure.</summary>
    public ImportException(string message)
        : base(message)
    {
    }

    /// <summary>A failure with its cause.</summary>
    public ImportException(string message, Exception cause)
        : base(message, cause)
    {
    }
}
