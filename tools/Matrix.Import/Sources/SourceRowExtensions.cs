namespace Matrix.Import.Sources;

/// <summary>Columns that may be NULL.</summary>
internal static class SourceRowExtensions
{
    public static bool Bool(this ISourceRow row, int column) => row.Int64(column) != 0;

    public static int Int32(this ISourceRow row, int column) =>
        (int)Math.Clamp(row.Int64(column), int.MinValue, int.MaxValue);

    public static long? Int64OrNull(this ISourceRow row, int column) => row.IsNull(column) ? null : row.Int64(column);

    public static string? TextOrNull(this ISourceRow row, int column) => row.IsNull(column) ? null : row.Text(column);
}
