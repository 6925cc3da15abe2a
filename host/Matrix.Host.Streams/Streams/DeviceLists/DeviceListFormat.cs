using System.Text.Json;
using Matrix.Host.Storage.Tables.Keys;

namespace Matrix.Host.Streams.Streams.DeviceLists;

/// <summary>
/// Writes changed device lists, and the counts of a device's keys. v1.19 client-server-api#extensions-to-sync of
/// end-to-end encryption.
/// </summary>
internal static class DeviceListFormat
{
    /// <summary>Writes `device_lists`. False, and nothing is written, if none changed.</summary>
    public static bool Write(Utf8JsonWriter json, DeviceListNews news)
    {
        if (news.Changed.Count == 0 && news.Left.Count == 0) return false;
        json.WriteStartObject("device_lists"u8);
        json.WriteStrings("changed"u8, news.Changed);
        json.WriteStrings("left"u8, news.Left);
        json.WriteEndObject();
        return true;
    }

    /// <summary>Writes `device_one_time_keys_count` and `device_unused_fallback_key_types`.</summary>
    public static void Write(Utf8JsonWriter json, KeyCounts counts)
    {
        // Some clients take a missing count, or a missing algorithm, for "unchanged": zero is written.
        json.WriteStartObject("device_one_time_keys_count"u8);
        if (!counts.OneTime.ContainsKey("signed_curve25519")) json.WriteNumber("signed_curve25519"u8, 0);
        foreach (var (algorithm, count) in counts.OneTime) json.WriteNumber(algorithm, count);
        json.WriteEndObject();
        json.WriteStrings("device_unused_fallback_key_types"u8, counts.UnusedFallback);
    }
}
