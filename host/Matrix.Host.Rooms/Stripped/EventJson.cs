using Matrix.Core.Event;
using Matrix.Core.Json;

namespace Matrix.Host.Rooms.Stripped;

/// <summary>Events as JSON trees.</summary>
internal static class EventJson
{
    /// <summary>The event as servers send it.</summary>
    internal static JsonObject Of(Pdu pdu) =>
        Core.Facade.JsonText.TryParseStored(pdu.Canonical.Span, out var json)
            ? json
            : throw new InvalidDataException($"The event {pdu.EventId} cannot be read.");

    /// <summary>The event with one more signature.</summary>
    internal static JsonObject Signed(JsonObject json, Signature signature) =>
        SignedJson.WithSignature(json, signature.Entity, signature.KeyId, signature.Bytes);
}
