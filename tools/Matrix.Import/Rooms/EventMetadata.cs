using System.Text.Json;

namespace Matrix.Import.Rooms;

/// <summary>What Synapse noted about an event beside its JSON (`internal_metadata`).</summary>
internal sealed record EventMetadata
{
    public static EventMetadata None { get; } = new();

    public bool IsSoftFailed { get; private init; }

    /// <summary>An invite, knock or leave of a room in which this server had no user.</summary>
    public bool IsOutOfBand { get; private init; }

    /// <summary>Whether a redaction applies only to events of the sender's server.</summary>
    public bool RechecksRedaction { get; private init; }

    /// <summary>The server for which this server sent the event to others; null for none.</summary>
    public string? SentFor { get; private init; }

    public string? DeviceId { get; private init; }

    public string? TransactionId { get; private init; }

    public static EventMetadata Of(string text)
    {
        if (text.Length <= 2) return None;
        try
        {
            using var json = JsonDocument.Parse(text);
            var root = json.RootElement;
            return root.ValueKind != JsonValueKind.Object ? None : new EventMetadata
            {
                IsSoftFailed = Flag(root, "soft_failed") || Flag(root, "policy_server_spammy"),
                IsOutOfBand = Flag(root, "out_of_band_membership"),
                RechecksRedaction = Flag(root, "recheck_redaction"),
                SentFor = Text(root, "send_on_behalf_of"),
                DeviceId = Text(root, "device_id"),
                TransactionId = Text(root, "txn_id"),
            };
        }
        catch (JsonException)
        {
            return None;
        }
    }

    private static bool Flag(JsonElement of, string name) =>
        of.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.True;

    private static string? Text(JsonElement of, string name) =>
        of.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;
}
