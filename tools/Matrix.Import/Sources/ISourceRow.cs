namespace Matrix.Import.Sources;

/// <summary>
/// A row of Synapse's, columns from 0. Either database may hold text as bytes, and a boolean as a number: each method
/// takes what is there.
/// </summary>
internal interface ISourceRow
{
    /// <summary>Whether the column is NULL.</summary>
    bool IsNull(int column);

    /// <summary>A number, or a boolean as 0 or 1; 0 for NULL and for what is no number.</summary>
    long Int64(int column);

    /// <summary>A number with a fraction; 0 for NULL.</summary>
    double Double(int column);

    /// <summary>Text, or bytes as UTF-8; empty for NULL.</summary>
    string Text(int column);

    /// <summary>Bytes, or text as UTF-8; empty for NULL.</summary>
    byte[] Bytes(int column);
}
