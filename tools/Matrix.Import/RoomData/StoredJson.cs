using System.Diagnostics.CodeAnalysis;
using Matrix.Core.Facade;
using Matrix.Core.Json;
using Matrix.Import.Sources;

namespace Matrix.Import.RoomData;

/// <summary>JSON objects in columns of Synapse's.</summary>
internal static class StoredJson
{
    /// <summary>The object in a column. False if there is none, or something else.</summary>
    public static bool TryObject(this ISourceRow row, int column, [NotNullWhen(true)] out JsonObject? json)
    {
        json = null;
        if (row.IsNull(column) || !JsonText.TryParseStored(row.Bytes(column), out var found)) return false;
        json = found;
        return true;
    }
}
