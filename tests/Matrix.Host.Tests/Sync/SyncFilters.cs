using System.Text.Json.Nodes;

namespace Matrix.Host.Tests.Sync;

/// <summary>Filters of rooms.</summary>
internal static class SyncFilters
{
    /// <summary>A filter with these sections.</summary>
    internal static JsonObject Of(params (string Section, JsonObject Filter)[] sections)
    {
        var room = new JsonObject();
        foreach (var (section, filter) in sections) room[section] = filter;
        return new JsonObject { ["room"] = room };
    }
}
