namespace Matrix.Import.Sources;

/// <summary>
/// Synapse's database cannot be opened or read. The message is one line for the operator, without a password.
/// </summary>
public sealed class SourceException : Exception
{
    /// <summary>A failure without a message.</summary>
    public SourceException()
    {
    }

    /// <summary>A failure of the source itself.</summary>
    public SourceException(string message)
        : base(message)
    {
    }

    /// <summary>A failure with the database's own.</summary>
    public SourceException(string message, Exception cause)
        : base(message, cause)
    {
    }
}
