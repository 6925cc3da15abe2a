using System.Globalization;
using System.Text.Json;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.ThreadSubscriptions;
using Matrix.Host.Streams.Notifying;

namespace Matrix.Host.Streams.Streams.Threads;

/// <summary>
/// Changes of subscriptions to threads, as sliding sync and its companion endpoint send them. MSC4308.
/// </summary>
public static class ThreadSubscriptionFormat
{
    /// <summary>The changes of one response, unless the client wants another number.</summary>
    public const int UsualLimit = 100;

    private const string Form = "t1_";

    /// <summary>Writes the members `subscribed` and `unsubscribed`, each if it is not empty.</summary>
    public static void Write(Utf8JsonWriter json, IReadOnlyList<ThreadChange> changes)
    {
        Write(json, "subscribed", changes.Where(static change => change.State != SubscriptionState.Unsubscribed));
        Write(json, "unsubscribed", changes.Where(static change => change.State == SubscriptionState.Unsubscribed));
    }

    /// <summary>The token of a page that ended with this change: the next one goes on before it.</summary>
    public static string TokenBefore(ThreadChange change)
    {
        var (position, room, rootId) = change.Place;
        return string.Create(CultureInfo.InvariantCulture, $"{Form}{position}_{room.Value}_{rootId}");
    }

    /// <summary>Reads the token of a page; false for anything else.</summary>
    public static bool TryParse(string text, out ThreadPlace place)
    {
        place = default;
        if (!text.StartsWith(Form, StringComparison.Ordinal)) return false;
        var parts = text[Form.Length..].Split('_', 3);
        if (parts.Length < 3
            || !long.TryParse(parts[0], NumberStyles.None, CultureInfo.InvariantCulture, out var position)
            || !int.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out var room))
        {
            return false;
        }

        place = new ThreadPlace(position, new RoomNid(room), parts[2]);
        return true;
    }

    /// <summary>The position of a `pos` of sliding sync, or of a page's token; false for anything else.</summary>
    public static bool TryPosition(string text, out long position)
    {
        position = 0;
        if (SlidingPos.TryParse(text, out var pos)) position = pos.Token.Position;
        else if (TryParse(text, out var place)) position = place.Position;
        else return false;
        return true;
    }

    private static void Write(Utf8JsonWriter json, string name, IEnumerable<ThreadChange> changes)
    {
        var isOpen = false;
        foreach (var ofRoom in changes.GroupBy(static change => change.RoomId))
        {
            if (!isOpen) json.WriteStartObject(name);
            isOpen = true;
            json.WriteStartObject(ofRoom.Key);
            foreach (var change in ofRoom)
            {
                json.WriteStartObject(change.Place.RootId);
                if (change.State != SubscriptionState.Unsubscribed)
                {
                    json.WriteBoolean("automatic"u8, change.State == SubscriptionState.Automatic);
                }

                json.WriteNumber("bump_stamp"u8, change.Place.Position);
                json.WriteEndObject();
            }

            json.WriteEndObject();
        }

        if (isOpen) json.WriteEndObject();
    }
}
