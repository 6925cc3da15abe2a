namespace Matrix.Host.Storage.Statements;

/// <summary>The current row of a result, columns from 0. Valid until the next row.</summary>
internal interface IRow
{
    bool IsNull(int column);

    long Int64(int column);

    string Text(int column);

    byte[] Blob(int column);

    /// <summary>An event id, from its stored form.</summary>
    string EventId(int column);
}

internal static class RowExtensions
{
    public static int Int32(this IRow row, int column) => (int)row.Int64(column);

    public static bool Bool(this IRow row, int column) => row.Int64(column) != 0;

    public static EventNid Nid(this IRow row, int column) =>
        row.IsNull(column) ? EventNid.None : new(row.Int64(column));

    public static RoomNid Room(this IRow row, int column) => new((int)row.Int64(column));

    public static long? Int64OrNull(this IRow row, int column) => row.IsNull(column) ? null : row.Int64(column);

    // Without the cast, null would become an array that is null, and that an empty value.
    public static ReadOnlyMemory<byte>? BlobOrNull(this IRow row, int column) =>
        row.IsNull(column) ? null : (ReadOnlyMemory<byte>?)row.Blob(column);

    public static string? TextOrNull(this IRow row, int column) => row.IsNull(column) ? null : row.Text(column);

    public static IArguments Bool(this IArguments arguments, bool value) => arguments.Int(value ? 1 : 0);

    public static IArguments Nid(this IArguments arguments, EventNid value) => arguments.Int(value.Value);

    /// <summary>Stores no event as NULL, which takes no space.</summary>
    public static IArguments NidOrNull(this IArguments arguments, EventNid value) =>
        arguments.IntOrNull(value.IsNone ? null : value.Value);

    public static IArguments Room(this IArguments arguments, RoomNid value) => arguments.Int(value.Value);
}
