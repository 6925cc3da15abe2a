using System.Text.Json;
using Matrix.Core.Sync;

namespace Matrix.Host.Streams.Streams.Unread;

/// <summary>Writes unread counts. v1.19 client-server-api#receiving-notifications.</summary>
internal static class UnreadFormat
{
    /// <summary>Writes `unread_notifications`, and `unread_thread_notifications` if there are roots.</summary>
    /// <param name="roots">The ids of threads; null if threads are not counted on their own.</param>
    public static void Write(Utf8JsonWriter json, UnreadCounts unread, IReadOnlyDictionary<long, string>? roots)
    {
        json.WritePropertyName("unread_notifications"u8);
        if (roots is null)
        {
            Counts(json, unread.Notifications, unread.Highlights);
            return;
        }

        Counts(json, unread.Main.Notifications, unread.Main.Highlights);
        if (roots.Count == 0) return;

        json.WriteStartObject("unread_thread_notifications"u8);
        foreach (var thread in unread.Threads)
        {
            if (!roots.TryGetValue(thread.Thread, out string? root)) continue;
            json.WritePropertyName(root);
            Counts(json, thread.Notifications, thread.Highlights);
        }

        json.WriteEndObject();
    }

    private static void Counts(Utf8JsonWriter json, int notifications, int highlights)
    {
        json.WriteStartObject();
        json.WriteNumber("highlight_count"u8, highlights);
        json.WriteNumber("notification_count"u8, notifications);
        json.WriteEndObject();
    }
}
